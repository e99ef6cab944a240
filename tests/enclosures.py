"""What tests say of balls."""

from __future__ import annotations

from typing import Any


def about(x: Any, low: float, high: float, slack: float = 1e-8) -> bool:
    """Whether a ball's ends are about these."""
    return abs(float(x.lower()) - low) <= slack and abs(float(x.upper()) - high) <= slack
