"""Enclosures of the cusp's normal form; see `moecusp.cusps`."""

from __future__ import annotations

from typing import Any

from moecusp._arguments import NON_NEGATIVE
from moecusp.certify.balls import Ball, between, sharp
from moecusp.certify.folds import ABOVE
from moecusp.cusps import NormalForm


def cusp_normal_form(gain: Any, asymmetry: Any = 0) -> NormalForm:
    """Enclose the coefficients of eta + (g - 1) u - (g/3) u^3."""
    return NormalForm(*sharp(lambda g, eta: (g - 1, -g / 3, eta), gain=(gain, NON_NEGATIVE), asymmetry=asymmetry))


def cusp_set(gain: Any) -> Ball:
    """Enclose (2/3) sqrt((g - 1)^3/g), g >= 1, which rises."""
    return sharp(lambda g: between(lambda e: 2 * (e - 1) * ((e - 1) / e).sqrt() / 3, (g, 1)), gain=(gain, ABOVE))
