"""Captions: every fixed parameter of a run, read from the profile that ran."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from validation.symbols import QUANTITIES


def fixed(profile: Any, fields: Mapping[str, str], **values: object) -> str:
    """Return the sentence of fixed parameters that ends a caption.

    Parameters
    ----------
    profile : Profile
        Of the run.
    fields : mapping
        Key of `validation.symbols.QUANTITIES` to the field of the profile that holds its value.
    **values
        What is fixed without being a field of the profile, by the same keys.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> fixed(SimpleNamespace(growth_increment=0.02), {"increment": "growth_increment"}, experts=2)
    'Fixed: experts K = 2, increment ε = 0.02 (time).'
    """
    every = {**values, **{key: getattr(profile, name) for key, name in fields.items()}}
    said = []
    for key, value in every.items():
        quantity = QUANTITIES[key]
        unit = f" ({quantity.unit})" if quantity.unit else ""
        said.append(f"{quantity.label} = {shown(value)}{unit}")
    return "Fixed: " + ", ".join(said) + "."


def shown(value: object) -> str:
    """Return a value as captions show it: six significant digits, lists with commas."""
    if isinstance(value, bool | str):
        return str(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, tuple | list):
        return " and ".join(filter(None, [", ".join(map(shown, value[:-1])), shown(value[-1])]))
    return f"{value:.6g}"
