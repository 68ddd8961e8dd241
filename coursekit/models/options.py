"""What models check of their options, in the same words."""

from __future__ import annotations


def check_at_least(model: object, least: float, **options: float) -> None:
    """Refuse an option below its least value, by the model's and the option's name."""
    for name, value in options.items():
        if not value >= least:
            raise ValueError(f"{type(model).__name__}({name}={value}): it must be at least {least:g}")


def check_choice(model: object, choices: tuple[str, ...], **options: str) -> None:
    """Refuse an option that is none of the choices; the message lists them."""
    for name, value in options.items():
        if value not in choices:
            listed = " or ".join(map(repr, choices))
            raise ValueError(f"{type(model).__name__}({name}={value!r}): choose {listed}")
