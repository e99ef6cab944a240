"""Checks of the arguments of `moecusp.simulate` that are no real numbers: words, flags, functions, bounded integers."""

from __future__ import annotations

from typing import Any

from moecusp._arguments import ParameterError, integer


def bounded(name: str, value: object, low: int, high: int) -> int:
    """Return value as an int in low..high, or raise ParameterError."""
    number = integer(name, value, low)
    if number > high:
        raise ParameterError(name, value, f"an integer >= {low} and <= {high}")
    return number


def choice(name: str, value: object, words: tuple[str, ...]) -> str:
    """Return value, one of the words, or raise ParameterError."""
    if not isinstance(value, str) or value not in words:
        raise ParameterError(name, value, "one of " + ", ".join(f'"{word}"' for word in words))
    return value


def flag(name: str, value: object) -> bool:
    """Return value, True or False, or raise ParameterError: "no" would be true."""
    if not isinstance(value, bool):
        raise ParameterError(name, value, "True or False")
    return value


def function(name: str, value: Any) -> None:
    """Raise ParameterError unless value is None or can be called."""
    if value is not None and not callable(value):
        raise ParameterError(name, value, "a function, or left out")
