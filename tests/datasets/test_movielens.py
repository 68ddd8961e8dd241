import hashlib
from dataclasses import replace

import numpy as np
import pytest
from unreliable_server import status, whole

from coursekit.datasets import DATASETS, DataError, load, ncf_split
from coursekit.datasets.movielens import load_movielens

GENRES = [
    "unknown",
    "Action",
    "Adventure",
    "Animation",
    "Children's",
    "Comedy",
    "Crime",
    "Documentary",
    "Drama",
]
FLAGS = {"toy": "0|0|0|1|1|1|0|0|0", "none": "1|0|0|0|0|0|0|0|0", "drama": "0|0|0|0|0|0|0|0|1"}


def write(folder, files, encoding):
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_bytes(text.encode(encoding))
    return folder


@pytest.fixture
def tiny_100k(tmp_path):
    files = {
        "u.data": "9\t2\t3\t881250949\n4\t3\t5\t891717742\n",
        "u.genre": "".join(f"{name}|{number}\n" for number, name in enumerate(GENRES)) + "\n",
        "u.item": f"1|Toy Story (1995)|01-Jan-1995||http://x|{FLAGS['toy']}\n2|unknown||||{FLAGS['none']}\n"
        f"3|Misérables, Les (1995)|01-Jan-1995||http://y|{FLAGS['drama']}\n",
        "u.user": "4|24|M|technician|08571\n9|53|F|other|T8H1N\n",
    }
    return write(tmp_path / "ml-100k", files, "latin-1")


@pytest.fixture
def tiny_1m(tmp_path):
    files = {
        "ratings.dat": "1::20::5::978300760\n2::10::3::978302109\n",
        "movies.dat": "10::Cité: L'été (1995)::Drama\n20::Star Wars: Episode IV (1977)::Action|Sci-Fi\n",
        "users.dat": "1::F::1::10::48067\n2::M::56::16::00231\n",
    }
    return write(tmp_path / "ml-1m", files, "latin-1")


@pytest.fixture
def tiny_small(tmp_path):
    files = {
        "ratings.csv": "userId,movieId,rating,timestamp\n7,99,0.5,964982703\n3,5,4.0,964981247\n",
        "movies.csv": 'movieId,title,genres\n5,"Président, Le (1961)",Comedy|Drama\n'
        "99,NULL,(no genres listed)\n",
    }
    return write(tmp_path / "ml-latest-small", files, "utf-8")


def read(folder, rows=2):
    return load_movielens(replace(DATASETS[folder.name], rows=rows), folder)


def test_ml_100k_reads_ratings_films_and_people(tiny_100k):
    data = read(tiny_100k)
    assert data.name == "ml-100k"
    assert data.user_ids.tolist() == [4, 9]
    assert data.item_ids.tolist() == [1, 2, 3]
    assert data.user.tolist() == [1, 0]
    assert data.item.tolist() == [1, 2]
    assert data.value.tolist() == [3, 5]
    assert data.time.tolist() == [881250949, 891717742]
    assert data.user_features["zip_code"].tolist() == ["08571", "T8H1N"]
    assert data.user_features["age"].tolist() == [24, 53]


def test_ml_100k_text_is_title_and_genres_in_latin_1(tiny_100k):
    expected = ["Toy Story (1995). Animation, Children's, Comedy", "unknown", "Misérables, Les (1995). Drama"]
    assert read(tiny_100k).item_text.tolist() == expected


def test_film_features_hold_year_and_genres(tiny_100k):
    films = read(tiny_100k).item_features
    assert films["year"].tolist()[::2] == [1995, 1995]
    assert films["year"].isna().tolist() == [False, True, False]
    assert films["genres"].tolist() == ["Animation|Children's|Comedy", "", "Drama"]
    assert films["Comedy"].tolist() == [1, 0, 0]


def test_ml_1m_decodes_occupations_and_titles_with_colons(tiny_1m):
    data = read(tiny_1m)
    assert data.item_text.tolist() == [
        "Cité: L'été (1995). Drama",
        "Star Wars: Episode IV (1977). Action, Sci-Fi",
    ]
    assert data.user_features["occupation"].tolist() == ["K-12 student", "self-employed"]
    assert data.user_features["zip_code"].tolist() == ["48067", "00231"]
    assert data.item_ids[data.item].tolist() == [20, 10]
    assert data.value.tolist() == [5, 3]
    assert data.time.tolist() == [978300760, 978302109]


def test_ml_latest_small_has_half_stars_and_a_film_called_null(tiny_small):
    data = read(tiny_small)
    assert data.value.tolist() == [0.5, 4.0]
    assert data.item_text.tolist() == ["Président, Le (1961). Comedy, Drama", "NULL"]
    assert data.user_ids.tolist() == [3, 7]
    assert data.user_features is None


def test_wrong_number_of_ratings_is_noticed(tiny_100k):
    with pytest.raises(
        DataError, match=r"holds 2 ratings where ml-100k has 100,000. Remedy: delete this folder"
    ):
        load("ml-100k", folder=tiny_100k.parent)


@pytest.mark.parametrize("name", ["u.item", "u.user", "u.data"])
def test_damaged_file_is_an_error_that_names_the_folder(tiny_100k, name):
    path = tiny_100k / name
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match=r"ml-100k: .*Remedy: delete this folder and call fetch\('ml-100k'\)"):
        read(tiny_100k)


def test_absent_set_is_downloaded_unpacked_and_read(home, tiny_100k, server, zipped):
    content = zipped({f"ml-100k/{path.name}": path.read_bytes() for path in tiny_100k.iterdir()})
    served = replace(
        DATASETS["ml-100k"],
        urls=(server.at("/gone", status(404)), server.at("/ml-100k.zip", whole(content))),
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        rows=2,
    )
    assert load(served, progress=False).to_frame().equals(read(tiny_100k).to_frame())
    assert load(served).item_text.tolist() == read(tiny_100k).item_text.tolist()
    assert len(server.calls) == 2  # the second load asked nobody


def test_value_belongs_to_campus(home):
    with pytest.raises(DataError, match="value='rating' is for campus only"):
        load("ml-100k", value="rating")


def test_absent_set_is_an_error_with_remedy(home):
    with pytest.raises(DataError, match="COURSEKIT_DATA"):
        load("ml-1m-ncf")


def test_ncf_split_reads_pairs_test_items_and_negatives(tmp_path):
    folder = tmp_path / "ml-1m-ncf"
    folder.mkdir()
    arrays = {"train": [[0, 0, 1], [2, 0, 1]], "test": [3, 0], "neg": [[1, 4], [2, 3]]}
    np.savez(folder / "ml-1m-ncf.npz", **{name: np.array(a, np.int32) for name, a in arrays.items()})
    train, test, negatives = ncf_split(tmp_path)
    assert train.matrix().toarray().tolist() == [[1, 0, 1, 0, 0], [0, 1, 0, 0, 0]]
    assert test.tolist() == [3, 0]
    assert negatives.tolist() == [[1, 4], [2, 3]]
    assert len(load("ml-1m-ncf", folder=tmp_path)) == 3


def test_damaged_ncf_file_is_named(tmp_path):
    folder = tmp_path / "ml-1m-ncf"
    folder.mkdir()
    (folder / "ml-1m-ncf.npz").write_bytes(b"nothing of the kind")
    with pytest.raises(DataError, match=r"ml-1m-ncf\.npz: is damaged"):
        ncf_split(tmp_path)


@pytest.mark.real_data
def test_real_ml_100k_has_its_published_size(ml_100k):
    data = load("ml-100k", folder=ml_100k.parent)
    assert (len(data), data.n_users, data.n_items) == (100_000, 943, 1_682)
    assert data.value.mean() == pytest.approx(3.52986, abs=1e-5)
    assert data.density == pytest.approx(100_000 / (943 * 1_682))
    assert "Misérables, Les (1995). Drama, Musical" in data.item_text
    assert data.user_features["gender"].value_counts().to_dict() == {"M": 670, "F": 273}
    genres = data.item_features.iloc[:, 4:]
    assert genres.shape == (1_682, 18)
    assert genres["Drama"].sum() == 725


@pytest.mark.real_data
def test_real_ncf_split_never_tests_on_a_training_pair(ml_1m_ncf):
    train, test, negatives = ncf_split(ml_1m_ncf.parent)
    assert (len(train), train.n_users, train.n_items) == (992_522, 6_040, 3_706)
    assert negatives.shape == (6_040, 99)
    seen = train.matrix(binary=True)
    assert seen[np.arange(6_040), test].sum() == 0
