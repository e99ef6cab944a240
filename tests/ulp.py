"""Distances to a reference value in units of the last place."""

from __future__ import annotations

from typing import Any

from flint import arb

from validation.reference import ulps


def assert_ulps(value: Any, reference: arb, bound: float, what: object = "") -> None:
    """Fail unless value lies within so many units of the last place of the reference."""
    distance = ulps(float(value), reference)
    assert distance <= bound, f"{what}: {float(value)!r} is {distance:.3g} ulp from {reference.mid().str(25)}"
