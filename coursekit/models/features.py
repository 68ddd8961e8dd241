"""What is known of users and items besides their interactions, as numbers a model can read."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from coursekit.interactions import Interactions

SECONDS_A_DAY = 86_400
MOST_CATEGORIES = 50  # more different labels than this are names or sentences, not categories
LIST_SEPARATOR = ";"  # "en;fr" is a list of two languages


class FeatureMatrix(NamedTuple):
    """Features of n users or items; unpacks as `matrix, names = feature_matrix(frame)`.

    Attributes:
        matrix: (n, d) float32, no missing values.
        names: d names, "hours" for a number, "language=en" for a category, "hours missing" for a gap.
    """

    matrix: NDArray[np.float32]
    names: list[str]


def feature_matrix(frame: pd.DataFrame, most_categories: int = MOST_CATEGORIES) -> FeatureMatrix:
    """Turn a table into a matrix of comparable columns.

    | column              | becomes                                                                     |
    |---------------------|-----------------------------------------------------------------------------|
    | numbers             | one column z = (x - mean) / standard deviation; missing ones 0, the mean    |
    | dates and times     | likewise, in days                                                           |
    | True and False      | one column of 1 and 0; missing ones 0                                       |
    | labels, categories  | a column of 1 and 0 for each label; a missing one has 0 everywhere          |
    | "en;fr"             | the same, with a 1 for each label of the list                               |

    Numbers, dates and booleans with gaps get a second column, "… missing", that is 1 at the gaps. Left out is
    what tells nothing about kinds of rows: columns that never vary, and labels of which there are more than
    `most_categories` (ids, titles, sentences; `tfidf_matrix` reads those). Infinite counts as missing.

    Args:
        frame: one row a user or item, in the order of `user_ids` or `item_ids`.
        most_categories: how many different labels a column may have.

    Raises:
        TypeError: when `frame` is no DataFrame.

    Example:
        >>> courses = pd.DataFrame({"hours": [2, 4, 6], "language": ["en", "fr", "en"]})
        >>> matrix, names = feature_matrix(courses)
        >>> names
        ['hours', 'language=en', 'language=fr']
        >>> matrix.round(2).tolist()
        [[-1.2200000286102295, 1.0, 0.0], [0.0, 0.0, 1.0], [1.2200000286102295, 1.0, 0.0]]
    """
    if not isinstance(frame, pd.DataFrame):
        raise TypeError(f"feature_matrix needs a DataFrame, not {type(frame).__name__}")
    columns: dict[str, NDArray[np.float32]] = {}
    for name in frame.columns:
        columns |= _columns(str(name), frame[name], most_categories)
    columns = {name: column for name, column in columns.items() if len(column) and np.ptp(column) > 0}
    shape = (len(frame), len(columns))
    matrix = np.stack(list(columns.values()), axis=1) if columns else np.empty(shape, np.float32)
    return FeatureMatrix(matrix, list(columns))


def check_features(table: ArrayLike, name: str, n: int) -> NDArray[np.float32]:
    """Features a model was given, as (n, d) float32.

    Raises:
        ValueError: when there is not one row for each of the n users or items, or a number is not finite.
    """
    features = np.asarray(table, dtype=np.float32)
    if features.ndim != 2 or len(features) != n:
        raise ValueError(f"{name} has the shape {features.shape}; the data needs ({n}, d), one row each")
    wrong = ~np.isfinite(features).all(axis=1)
    if wrong.any():
        row = int(np.argmax(wrong))
        value = features[row][~np.isfinite(features[row])][0]
        raise ValueError(f"row {row} of {name} holds {value}; fill it first, as feature_matrix does")
    return features


class SideFeatures:
    """Mixed into a recommender with the options `user_features` and `item_features`.

    `fit` checks them and keeps them as `user_features_` and `item_features_` (None where there are none), so
    they are saved with what was learned. A loaded model has them as options again: fitted once more, it
    reads the same features and does not silently go without.
    """

    def _prepare(self, data: Interactions) -> None:
        super()._prepare(data)
        for name, n in (("user_features", data.n_users), ("item_features", data.n_items)):
            features = getattr(self, name)
            setattr(self, f"{name}_", None if features is None else check_features(features, name, n))

    def _known(self, users: NDArray[np.int64]) -> NDArray[np.bool_]:
        """A profile says something of users without history, too."""
        return super()._known(users) if self.user_features_ is None else users >= 0

    def _restore(self, state: dict[str, object]) -> None:
        super()._restore(state)
        self.user_features, self.item_features = self.user_features_, self.item_features_


def _columns(name: str, column: pd.Series, most_categories: int) -> dict[str, NDArray[np.float32]]:
    if pd.api.types.is_bool_dtype(column.dtype) or _holds_booleans(column):
        return _with_gaps(name, column.astype(object).map(float, na_action="ignore"), standardise=False)
    if pd.api.types.is_numeric_dtype(column.dtype):
        return _with_gaps(name, column)
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return _with_gaps(name, _days(column))
    return _one_hot(name, column, most_categories)


def _with_gaps(name: str, column: pd.Series, standardise: bool = True) -> dict[str, NDArray[np.float32]]:
    """A column of numbers, and one that marks its gaps; the latter is dropped later where it is all 0."""
    numbers = pd.to_numeric(column).to_numpy(np.float64, na_value=np.nan)
    known = np.isfinite(numbers)
    if standardise and known.any():
        spread = numbers[known].std()
        numbers = (numbers - numbers[known].mean()) / (spread if spread > 0 else 1.0)
    filled = np.where(known, numbers, 0.0)
    return {name: filled.astype(np.float32), f"{name} missing": (~known).astype(np.float32)}


def _days(column: pd.Series) -> pd.Series:
    """Days since 1970, NaN for a missing time; pandas 2 and 3 count in different units."""
    utc = pd.to_datetime(column, utc=True)
    return (utc - pd.Timestamp(0, tz="UTC")).dt.total_seconds() / SECONDS_A_DAY


def _one_hot(name: str, column: pd.Series, most_categories: int) -> dict[str, NDArray[np.float32]]:
    known = column.notna()
    written = column.astype(object).where(known, "").astype(str)
    lists = [[label.strip() for label in row.split(LIST_SEPARATOR)] for row in written]
    found = sorted({label for row in lists for label in row} - {""})
    if len(found) > most_categories:
        return {}
    place = {label: number for number, label in enumerate(found)}
    marks = np.zeros((len(found), len(lists)), np.float32)
    pairs = [(place[label], row) for row, own in enumerate(lists) for label in own if label]
    if pairs:
        marks[tuple(np.transpose(pairs))] = 1
    return {f"{name}={label}": marks[number] for label, number in place.items()}


def _holds_booleans(column: pd.Series) -> bool:
    """True and False beside missing values make a column of objects."""
    known = column.dropna()
    return column.dtype == object and len(known) > 0 and known.map(lambda x: isinstance(x, bool)).all()
