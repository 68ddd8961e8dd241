"""What every recommender of the course can do: fit, score, recommend, similar, save, load.

A model of its own writes `_fit` and `_scores`; unknown users, seen items, candidates, the choice of
the k best and the file format are written here, once.
"""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from coursekit.interactions import Interactions
from coursekit.metrics import top_k
from coursekit.models.storage import read_model, write_model

# Scores in flight while recommending: 1 million float32 are 4 MB, whatever the number of users.
BLOCK_SCORES = 2**20


class Recommendations(NamedTuple):
    """The k best items of U users (or the k nearest of U items), best first.

    Attributes:
        items: (U, k) int64 item rows; -1 where there were fewer than k candidates.
        scores: (U, k) float32 scores; -inf beside a -1.
    """

    items: NDArray[np.int64]
    scores: NDArray[np.float32]


@dataclass(eq=False)
class Recommender(ABC):
    """The verbs all models share.

    Users and items are rows of the fitted `Interactions`; -1 stands for one that is not among them,
    as `data.user_index(labels, unknown="mark")` writes it. Options are the fields of the dataclass,
    what `fit` learns ends in an underscore.

    Args:
        device: where a neural model would compute. Models that live in NumPy accept it, so that all
            models are built alike, and take no notice of it; their class says so.
    """

    device: str | None = field(default=None, kw_only=True)

    _classes: ClassVar[dict[str, type[Recommender]]] = {}

    def __init_subclass__(cls) -> None:
        """Remember each model by name, so that `load` finds the class a file was written by."""
        Recommender._classes[cls.__name__] = cls

    @abstractmethod
    def _fit(self, data: Interactions) -> None:
        """Learn from the data; everything kept goes into attributes that end in an underscore."""

    @abstractmethod
    def _scores(self, users: NDArray[np.int64]) -> NDArray[np.float32]:
        """Score all items for users that exist and have a history: (U, n_items)."""

    def fit(self, data: Interactions) -> Self:
        """Learn from `data` and return the model itself. Fitting again starts afresh.

        Raises:
            TypeError: when `data` is not an `Interactions`.
        """
        if not isinstance(data, Interactions):
            raise TypeError(
                f"fit needs an Interactions, not {type(data).__name__}; Interactions.from_frame makes one"
            )
        self.seen_ = data.matrix(binary=True)
        self.popularity_ = np.bincount(self.seen_.indices, minlength=data.n_items).astype(np.float32)
        self._fit(data)
        return self

    def score(self, users: ArrayLike, items: ArrayLike | None = None) -> NDArray[np.float32]:
        """How well each item suits each user; only the order within a row has a meaning.

        A user who is unknown (-1) or has no interaction gets the items' popularity (`Random` draws
        for them too). An unknown item (-1) gets -inf, which no ranking ever returns.

        Args:
            users: (U,) user rows.
            items: item rows, (C,) the same for all users or (U, C) each user's own; None means all.

        Returns:
            (U, n_items) or (U, C) float32. All items of all users at once is a large array: pass
            users in blocks, or let `recommend` do it.

        Raises:
            IndexError: when a row is outside the data; the message quotes it.
            RuntimeError: before `fit`.
        """
        users = self._rows("user", users)
        if items is not None:
            items = self._candidates(items, len(users))
        known = self._known(users)
        scores = np.empty((len(users), self.n_items if items is None else items.shape[1]), np.float32)
        for rows, of in ((known, self._scores_of), (~known, self._scores_of_strangers)):
            if rows.any():
                scores[rows] = of(users[rows], None if items is None else items[rows])
        return scores if items is None else np.where(items >= 0, scores, np.float32(-np.inf))

    def recommend(
        self,
        users: ArrayLike,
        k: int = 10,
        exclude_seen: bool = True,
        candidates: ArrayLike | None = None,
    ) -> Recommendations:
        """The k best items of each user, best first; equal scores go by the lower item row.

        Args:
            users: (U,) user rows, -1 for an unknown user.
            k: length of the lists; it may exceed the catalogue.
            exclude_seen: leave out what the user met in the fitted data.
            candidates: choose among these item rows only, (C,) for all or (U, C) for each user;
                -1 is padding and skipped. None means all items. Models that score pairs score no others.

        Returns:
            `Recommendations`, padded with -1 where candidates run out.

        Raises:
            ValueError: when k < 1.
            IndexError: when a row is outside the data.
        """
        users = self._rows("user", users)
        if candidates is not None:
            candidates = self._candidates(candidates, len(users))
        items = np.full((len(users), k), -1, np.int64)
        best = np.full((len(users), k), -np.inf, np.float32)
        for block in self._blocks(len(users)):
            scores = self._among(users[block], None if candidates is None else candidates[block])
            seen = self._seen(users[block]) if exclude_seen else None
            items[block] = top_k(scores, k, exclude=seen)
            best[block] = _pick(scores, items[block])
        return Recommendations(items, best)

    def similar(self, items: ArrayLike, k: int = 10) -> Recommendations:
        """The k items most similar to each given item, itself left out; (U, k), padded with -1.

        Raises:
            NotImplementedError: when the model knows no similarity of items.
            IndexError: when a row is outside the catalogue.
        """
        items = self._rows("item", items)
        found = np.full((len(items), k), -1, np.int64)
        best = np.full((len(items), k), -np.inf, np.float32)
        for block in self._blocks(len(items)):
            rows = items[block]
            scores = np.asarray(self._similarities(np.maximum(rows, 0)), np.float32)
            scores[rows < 0] = -np.inf
            scores[np.arange(len(rows)), rows] = -np.inf
            found[block] = top_k(scores, k)
            best[block] = _pick(scores, found[block])
        return Recommendations(found, best)

    def save(self, path: str | Path) -> Path:
        """Write options and everything learned to one .npz file (arrays and JSON, no pickle).

        The file appears whole or not at all. An option JSON cannot hold, such as a random
        generator, is written as null: it has done its work in `fit`.
        """
        self._check_fitted()
        options = {option.name: getattr(self, option.name) for option in fields(self)}
        del options["device"]  # the machine that loads the model chooses its own
        return write_model(path, type(self).__name__, options, self._state())

    @classmethod
    def load(cls, path: str | Path, device: str | None = None) -> Self:
        """Read a model that `save` wrote: `ItemKNN.load(path)`, or `Recommender.load(path)` for any.

        Raises:
            FileNotFoundError: when there is no such file.
            ValueError: when the file is damaged, no model of this course, or of another class.
        """
        name, options, state = read_model(path)
        found = Recommender._class(name)
        if found is None or not issubclass(found, cls):
            raise ValueError(f"{path} holds a {name}, not a {cls.__name__}; load it with {name}.load")
        model = found(**options, device=device)
        model._restore(state)
        return model

    @property
    def n_users(self) -> int:
        """Number of users in the fitted data."""
        self._check_fitted()
        return self.seen_.shape[0]

    @property
    def n_items(self) -> int:
        """Number of items in the fitted data."""
        self._check_fitted()
        return self.seen_.shape[1]

    def _state(self) -> dict[str, object]:
        """All that `fit` learned, as arrays and plain values; a model that holds others overrides this."""
        return {name: value for name, value in vars(self).items() if name.endswith("_")}

    def _restore(self, state: dict[str, object]) -> None:
        """Take back what `_state` gave."""
        vars(self).update(state)

    @staticmethod
    def _class(name: str) -> type[Recommender] | None:
        """The model of that name, whether or not its file has been imported yet."""
        package = importlib.import_module("coursekit.models")
        if name not in Recommender._classes and name in package.__all__:
            getattr(package, name)
        return Recommender._classes.get(name)

    def _similarities(self, items: NDArray[np.int64]) -> NDArray[np.float32]:
        """Similarity of all items to these: (U, n_items). Models that know one override this."""
        raise NotImplementedError(f"{type(self).__name__} knows no similarity of items; ItemKNN does")

    def _known(self, users: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which users the model can score: (U,). Models that read profiles need no history."""
        return (users >= 0) & (np.diff(self.seen_.indptr)[users] > 0)

    def _scores_of(self, users: NDArray[np.int64], items: NDArray[np.int64] | None) -> NDArray[np.float32]:
        """Scores of all items, or of (U, C) chosen ones, a -1 among them being worth anything.

        Models that can score a pair without scoring the catalogue override this.
        """
        scores = self._scores(users)
        return scores if items is None else np.take_along_axis(scores, items, axis=1)

    def _among(self, users: NDArray[np.int64], candidates: NDArray[np.int64] | None) -> NDArray[np.float32]:
        """(U, n_items) scores, -inf for what is not among a user's (U, C) candidates."""
        if candidates is None:
            return self.score(users)
        scores = np.full((len(users), self.n_items + 1), -np.inf, np.float32)  # -1 marks the extra column
        np.put_along_axis(scores, candidates, self.score(users, candidates), axis=1)
        return scores[:, :-1]

    def _scores_of_strangers(
        self, users: NDArray[np.int64], items: NDArray[np.int64] | None
    ) -> NDArray[np.float32]:
        scores = self._stranger_scores(len(users))
        return scores if items is None else np.take_along_axis(scores, items, axis=1)

    def _stranger_scores(self, n: int) -> NDArray[np.float32]:
        """Scores for n users nothing is known of: (n, n_items)."""
        return np.broadcast_to(self.popularity_, (n, self.n_items))

    def _blocks(self, n: int) -> Iterator[slice]:
        step = max(1, BLOCK_SCORES // max(1, self.n_items))
        return (slice(start, min(start + step, n)) for start in range(0, n, step))

    def _seen(self, users: NDArray[np.int64]) -> sparse.csr_array:
        if (users >= 0).all():
            return self.seen_[users]
        # -1 would pick the last user's row; an unknown user has seen nothing.
        seen = sparse.csr_array(self.seen_[users] * (users >= 0)[:, None])
        seen.eliminate_zeros()  # what is stored counts as seen
        return seen

    def _candidates(self, items: ArrayLike, n_users: int) -> NDArray[np.int64]:
        items = np.asarray(items)
        shape = (n_users, items.shape[-1] if items.ndim else 1)
        if items.ndim == 2 and items.shape != shape:
            raise ValueError(f"items of shape {items.shape} for {n_users} users; give ({n_users}, C) or (C,)")
        return np.broadcast_to(self._rows("item", items.reshape(-1)).reshape(items.shape), shape)

    def _rows(self, what: str, rows: ArrayLike) -> NDArray[np.int64]:
        """Check rows of users or items and give them as (n,) int64."""
        n = self.n_users if what == "user" else self.n_items
        rows = np.atleast_1d(np.asarray(rows))
        if rows.ndim != 1 or (rows.size and not np.issubdtype(rows.dtype, np.integer)):
            raise TypeError(
                f"{what}s must be row numbers in one dimension, not {rows.dtype} of shape {rows.shape}; "
                f"data.{what}_index(labels) turns labels into rows"
            )
        wrong = (rows < -1) | (rows >= n)
        if wrong.any():
            raise IndexError(
                f"{what} row {rows[wrong][0]} is outside 0 … {n - 1} (-1 stands for an unknown {what})"
            )
        return rows.astype(np.int64)

    def _check_fitted(self) -> None:
        if not hasattr(self, "seen_"):
            raise RuntimeError(f"this {type(self).__name__} has learned nothing yet: call fit(data) first")


def _pick(scores: NDArray[np.float32], items: NDArray[np.int64]) -> NDArray[np.float32]:
    """Scores of the chosen items, -inf beside a -1."""
    if not scores.shape[1]:
        return np.full(items.shape, -np.inf, np.float32)
    return np.where(items >= 0, np.take_along_axis(scores, items, axis=1), np.float32(-np.inf))
