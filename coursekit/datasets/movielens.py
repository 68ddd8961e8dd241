"""MovieLens in its three file formats.

The films' catalogue decides the order and number of items, so a film that nobody rated has a row too.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pandas as pd

from coursekit.datasets.errors import in_file
from coursekit.datasets.registry import Dataset
from coursekit.interactions import Interactions

RATING_COLUMNS = ["user", "item", "value", "time"]
RATING_TYPES = {"user": "int64", "item": "int64", "value": "float32", "time": "int64"}
NO_GENRES = ("", "(no genres listed)", "unknown")
# The README of ml-1m numbers the occupations; ml-100k writes them out.
OCCUPATIONS = (
    "other", "academic/educator", "artist", "clerical/admin", "college/grad student", "customer service",
    "doctor/health care", "executive/managerial", "farmer", "homemaker", "K-12 student", "lawyer",
    "programmer", "retired", "sales/marketing", "scientist", "self-employed", "technician/engineer",
    "tradesman/craftsman", "unemployed", "writer",
)  # fmt: skip


def load_movielens(dataset: Dataset, folder: Path) -> Interactions:
    """Read one MovieLens set from the folder that holds its files.

    Returns:
        Interactions with ratings as values, GroupLens' own integer ids as labels, `item_text`
        ("Toy Story (1995). Animation, Children's, Comedy"), `item_features` (item, title, year,
        genres, and one 0/1 column per genre) and, for ml-100k and ml-1m, `user_features`
        (user, age, gender, occupation, zip_code).

    Raises:
        DataError: when a file is damaged or has not the number of ratings it should have.
    """
    reader = {"ml-100k": _read_100k, "ml-1m": _read_1m}.get(dataset.name, _read_csvs)
    try:
        ratings, films, people = reader(folder)
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise in_file(folder, f"not the files of {dataset.name} ({error})", _again(dataset)) from error
    if dataset.rows is not None and len(ratings) != dataset.rows:
        problem = f"holds {len(ratings):,} ratings where {dataset.name} has {dataset.rows:,}"
        raise in_file(folder, problem, _again(dataset))
    try:
        return Interactions.from_frame(
            ratings,
            user_ids=None if people is None else people["user"].to_numpy(),
            item_ids=films["item"].to_numpy(),
            name=dataset.name,
            item_text=_describe(films),
            item_features=films,
            user_features=people,
        )
    except (KeyError, ValueError) as error:
        raise in_file(folder, f"its files do not fit together ({error.args[0]})", _again(dataset)) from error


Tables = tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame | None]


def _read_100k(folder: Path) -> Tables:
    ratings = _ratings(folder / "u.data", sep="\t")
    genres = [line.split("|")[0] for line in _lines(folder / "u.genre")]
    rows = [line.split("|") for line in _lines(folder / "u.item")]
    flags = np.array([row[5:] for row in rows], dtype=np.int8)  # (n_items, n_genres)
    listed = ["|".join(np.array(genres)[on]) for on in flags.astype(bool)]
    films = _films([row[0] for row in rows], [row[1] for row in rows], listed)
    people = pd.DataFrame(
        [line.split("|") for line in _lines(folder / "u.user")],
        columns=["user", "age", "gender", "occupation", "zip_code"],
    )
    return ratings, films, people.astype({"user": "int64", "age": "int64"})


def _read_1m(folder: Path) -> Tables:
    # pandas' fast parser wants a separator of one character, and ratings.dat holds digits and colons only.
    single = io.BytesIO((folder / "ratings.dat").read_bytes().replace(b"::", b":"))
    ratings = _ratings(single, sep=":")
    films = _films(*zip(*(line.split("::") for line in _lines(folder / "movies.dat")), strict=True))
    people = pd.DataFrame(
        [line.split("::") for line in _lines(folder / "users.dat")],
        columns=["user", "gender", "age", "occupation", "zip_code"],
    ).astype({"user": "int64", "age": "int64", "occupation": "int64"})
    people["occupation"] = [OCCUPATIONS[code] for code in people["occupation"]]
    return ratings, films, people[["user", "age", "gender", "occupation", "zip_code"]]


def _read_csvs(folder: Path) -> Tables:
    # ml-latest-small and ml-25m: CSV in UTF-8, ids with gaps, no demographics.
    ratings = _ratings(folder / "ratings.csv", sep=",", header=0)
    films = pd.read_csv(folder / "movies.csv", encoding="utf-8", keep_default_na=False)
    return ratings, _films(films["movieId"], films["title"], films["genres"]), None


def _ratings(source: Path | io.BytesIO, sep: str, header: int | None = None) -> pd.DataFrame:
    return pd.read_csv(source, sep=sep, header=header, names=RATING_COLUMNS, dtype=RATING_TYPES)


def _lines(path: Path) -> list[str]:
    # The two older sets are Latin-1: "Misérables, Les (1995)".
    return [line for line in path.read_text(encoding="latin-1").split("\n") if line.strip()]


def _films(ids: object, titles: object, genres: object) -> pd.DataFrame:
    """item, title, year (Int64, missing where the title has none), genres, and a 0/1 column a genre."""
    films = pd.DataFrame({"item": list(ids), "title": list(titles), "genres": list(genres)})
    films["item"] = films["item"].astype("int64")
    films["title"] = films["title"].str.strip()
    years = films["title"].str.extract(r"\((\d{4})\)\s*$", expand=False)
    films.insert(2, "year", pd.to_numeric(years).astype("Int64"))
    films["genres"] = films["genres"].where(~films["genres"].isin(NO_GENRES), "")
    flags = films["genres"].str.get_dummies("|").astype("int8")
    return films.join(flags)


def _describe(films: pd.DataFrame) -> np.ndarray:
    pairs = zip(films["title"], films["genres"], strict=True)
    return np.array([f"{t}. {g.replace('|', ', ')}" if g else t for t, g in pairs], dtype=object)


def _again(dataset: Dataset) -> str:
    if not dataset.urls:  # pragma: no cover
        return "restore its files"
    return f"delete this folder and call fetch({dataset.name!r})"
