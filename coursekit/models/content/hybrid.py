"""Two models, one opinion; and a way in for items that only one of them knows."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from coursekit.interactions import Interactions
from coursekit.models.base import Recommender

PARTS = ("first", "second")
# Scores that vary by less than this share of their size are equal but for float32's rounding.
ROUNDING = 1e-6


@dataclass(eq=False)
class Hybrid(Recommender):
    """A weighted hybrid with a switch for new items (Burke, 2002, "Hybrid recommender systems").

    Scores of two models have different scales, so each user's are standardised before they are added.
    W are the warm items, those with an interaction in the data, and z_1, z_2 the two models' scores less
    their mean over W, divided by their standard deviation over W, all for one user:
    warm items:  b_i = weight · z_1(i) + (1 - weight) · z_2(i),   score = b_i / standard deviation of b over W
    cold items:  score = z_2(i)
    Nobody has touched a cold item, so the first model knows nothing of it and only the second speaks. The
    two lines can be compared because both have mean 0 and standard deviation 1 over the user's warm items:
    a cold item goes before a warm one when it stands out further among the second model's scores than the
    warm one does among the blended ones. Without the division the blend, a mean of two opinions that seldom
    agree, would vary less than z_2 and cold items would crowd the top.

    Where a model gives all warm items the same score, it has no opinion and its z is 0. Users without
    history get the items' popularity, like everywhere, unless one of the two can score them by what is known
    of them: then the other one speaks for what is popular.

    Args:
        first: the collaborative model, for example `ItemKNN()`; `fit` fits it too.
        second: a model that scores items nobody has touched, for example `ContentBased()`; `fit` fits it too.
        weight: share of the first model for warm items, between 0 and 1.
        device: accepted like everywhere; the two models have their own.

    Raises:
        TypeError: when one of the two is no model (a class instead of `ItemKNN()`, say).
        ValueError: when the weight lies outside 0 … 1.
    """

    first: Recommender | None
    second: Recommender | None
    weight: float = 0.5

    def __post_init__(self) -> None:
        for name in PARTS:
            part = getattr(self, name)
            # None only while `load` builds the model, before its parts are read.
            if part is not None and not isinstance(part, Recommender):
                raise TypeError(
                    f"{name} is {part!r}, no model; give one, such as ItemKNN() or ContentBased()"
                )
        if not 0 <= self.weight <= 1:
            raise ValueError(f"weight={self.weight!r} must lie between 0 and 1")

    def _fit(self, data: Interactions) -> None:
        self.first.fit(data)
        self.second.fit(data)

    def _scores(self, users: NDArray[np.int64]) -> NDArray[np.float32]:
        warm = self.popularity_ > 0
        first = _standardised(self.first.score(users), warm)
        second = _standardised(self.second.score(users), warm)
        blend = _standardised(self.weight * first + (1 - self.weight) * second, warm)
        return np.where(warm, blend, second).astype(np.float32)

    def _known(self, users: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whom one of the two can score."""
        return self.first._known(users) | self.second._known(users)

    def _similarities(self, items: NDArray[np.int64]) -> NDArray[np.float32]:
        """The second model's, which knows cold items too."""
        return self.second._similarities(items)

    def _state(self) -> dict[str, object]:
        """Own state, and under "first." and "second." the parts' class, options and state."""
        state = super()._state()
        for name in PARTS:
            part = getattr(self, name)
            options = {option.name: getattr(part, option.name) for option in fields(part)}
            del options["device"]
            state[f"{name}.built"] = [type(part).__name__, options]
            state |= {f"{name}.{key}": value for key, value in part._state().items()}
        return state

    def _restore(self, state: dict[str, object]) -> None:
        for name in PARTS:
            prefix = f"{name}."
            own = {key.removeprefix(prefix): state.pop(key) for key in list(state) if key.startswith(prefix)}
            class_name, options = own.pop("built")
            found = Recommender._class(class_name)
            if found is None:
                raise ValueError(f"its {name} model is a {class_name}, unknown here: import that class first")
            part = found(**options, device=self.device)
            part._restore(own)
            setattr(self, name, part)
        super()._restore(state)


def _standardised(scores: NDArray[np.float32], over: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Each row less its mean over the chosen columns, divided by its standard deviation over them."""
    scores = scores.astype(np.float64)
    if not over.any():
        return np.zeros_like(scores)
    centred = scores - scores[:, over].mean(axis=1, keepdims=True)
    deviation = centred[:, over].std(axis=1, keepdims=True)
    # Equal scores may differ from their own mean by rounding, which must not be blown up to an opinion.
    varies = deviation > ROUNDING * np.abs(scores[:, over]).max(axis=1, keepdims=True)
    return np.divide(centred, deviation, out=np.zeros_like(centred), where=varies)
