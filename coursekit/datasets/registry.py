"""What data there is: name, licence, addresses, checksum. Nothing here touches disk or network."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from coursekit.datasets.errors import DataError

GROUPLENS = "https://files.grouplens.org/datasets/movielens/"
HARPER_KONSTAN = (
    "F. Maxwell Harper and Joseph A. Konstan. 2015. The MovieLens Datasets: History and Context. "
    "ACM Transactions on Interactive Intelligent Systems 5, 4, Article 19. https://doi.org/10.1145/2827872"
)
NO_REDISTRIBUTION = (
    "research use with citation; no redistribution and no commercial use without permission "
    "(GroupLens, README in the archive)"
)
SAME_LICENCE = (
    "research use with citation; redistribution under the same conditions only; "
    "no commercial use without permission (GroupLens, README in the archive)"
)
MIB = 2**20


@dataclass(frozen=True)
class Dataset:
    """One entry of the registry.

    Attributes:
        name: what `load` and `fetch` are called with, and the folder's name.
        description: one sentence for humans.
        licence: what one may do with it; printed before a download.
        citation: how to cite it.
        files: files that must be there for the data to count as present.
        urls: addresses of the archive, tried in this order; empty when nothing can be downloaded.
        size: bytes of the archive.
        sha256: of the archive, as published by the source named beside it.
        rows: interactions expected, or None where the data changes over time.
        unpacked_limit: unpacking stops beyond this many bytes.
    """

    name: str
    description: str
    licence: str
    citation: str
    files: tuple[str, ...]
    urls: tuple[str, ...] = ()
    size: int | None = None
    sha256: str | None = None
    rows: int | None = None
    unpacked_limit: int = 64 * MIB

    @property
    def archive(self) -> str:
        """File name of the archive."""
        return f"{self.name}.zip"


CAMPUS = Dataset(
    name="campus",
    description="a simulated online-learning platform (shipped): courses, learners, two years of enrolments",
    licence="CC BY 4.0",
    citation="The coursekit founders. Campus: a simulated learning platform. See DATASHEET.md.",
    files=("courses.csv", "learners.csv", "enrolments.csv"),
)

# Sizes and SHA-256 of the four archives: TensorFlow Datasets' registry
# (github.com/tensorflow/datasets, tensorflow_datasets/url_checksums/movielens.txt).
# GroupLens itself publishes MD5 only; those it gives for the same archives are in datasets/README.md.
ML_100K = Dataset(
    name="ml-100k",
    description="100,000 ratings (1-5) of 1,682 films by 943 people, 1997-98, with age, gender, occupation",
    licence=NO_REDISTRIBUTION,
    citation=HARPER_KONSTAN,
    files=("u.data", "u.item", "u.user", "u.genre"),
    urls=(
        GROUPLENS + "ml-100k.zip",
        # github.com/recommenders-team/recommenders, pull request 2369: byte-identical, same SHA-256.
        "https://huggingface.co/datasets/Recommenders/MovieLens/resolve/main/ml-100k.zip",
    ),
    size=4_924_029,
    sha256="50d2a982c66986937beb9ffb3aa76efe955bf3d5c6b761f4e3a7cd717c6a3229",
    rows=100_000,
)

ML_1M = Dataset(
    name="ml-1m",
    description="1,000,209 ratings (1-5) of 3,883 films by 6,040 people, 2000-03, with age, gender, job",
    licence=NO_REDISTRIBUTION,
    citation=HARPER_KONSTAN,
    files=("ratings.dat", "movies.dat", "users.dat"),
    urls=(
        GROUPLENS + "ml-1m.zip",
        # github.com/recommenders-team/recommenders, pull request 2369: byte-identical, same SHA-256.
        "https://huggingface.co/datasets/Recommenders/MovieLens/resolve/main/ml-1m.zip",
        # github.com/PaddlePaddle/Paddle, python/paddle/text/datasets/movielens.py: same MD5 as GroupLens.
        "https://dataset.bj.bcebos.com/movielens%2Fml-1m.zip",
    ),
    size=5_917_549,
    sha256="a6898adb50b9ca05aa231689da44c217cb524e7ebd39d264c56e2832f2c54e20",
    rows=1_000_209,
)

# A development set that GroupLens may replace at any time. This is the edition of September 2018,
# still the current one in October 2026; after a replacement the checksum below fails, on purpose.
ML_LATEST_SMALL = Dataset(
    name="ml-latest-small",
    description="100,836 ratings (0.5-5) of 9,742 films by 610 people, 1996-2018; GroupLens may replace it",
    licence=SAME_LICENCE,
    citation=HARPER_KONSTAN,
    files=("ratings.csv", "movies.csv"),
    # No mirror is known whose keeper vouches for it, so this one has a single address.
    urls=(GROUPLENS + "ml-latest-small.zip",),
    size=978_202,
    sha256="696d65a3dfceac7c45750ad32df2c259311949efec81f0f144fdfb91ebc9e436",
)

ML_25M = Dataset(
    name="ml-25m",
    description="25,000,095 ratings (0.5-5) of 62,423 films by 162,541 people, 1995-2019 (250 MB)",
    licence=SAME_LICENCE,
    citation=HARPER_KONSTAN,
    files=("ratings.csv", "movies.csv"),
    urls=(GROUPLENS + "ml-25m.zip",),  # no mirror known
    size=261_978_986,
    sha256="8b21cfb7eb1706b4ec0aac894368d90acf26ebdfb6aced3ebd4ad5bd1eb9c6aa",
    rows=25_000_095,
    unpacked_limit=2_048 * MIB,
)

ML_1M_NCF = Dataset(
    name="ml-1m-ncf",
    description="MovieLens-1M as the NCF paper splits it: training pairs, one held-out item, 99 negatives",
    licence=NO_REDISTRIBUTION,
    citation=HARPER_KONSTAN + " Protocol: Xiangnan He et al. 2017. Neural Collaborative Filtering. WWW '17.",
    files=("ml-1m-ncf.npz",),
    rows=992_522,
)

DATASETS: Mapping[str, Dataset] = MappingProxyType(
    {entry.name: entry for entry in (CAMPUS, ML_100K, ML_1M, ML_LATEST_SMALL, ML_25M, ML_1M_NCF)}
)


def entry(name: str | Dataset) -> Dataset:
    """The registry's entry of this name (a `Dataset` is returned as it is).

    Raises:
        DataError: for an unknown name, with the names there are.
    """
    if isinstance(name, Dataset):
        return name
    if name in DATASETS:
        return DATASETS[name]
    near = difflib.get_close_matches(str(name), DATASETS, n=1, cutoff=0.5)
    guess = f" Did you mean {near[0]!r}?" if near else ""
    raise DataError(
        f"no data set is called {name!r}; there are {', '.join(DATASETS)}.{guess} "
        "For a file of your own use coursekit.from_csv(path)."
    )
