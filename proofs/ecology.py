"""The E parameter: a definition, and its invariance."""

from __future__ import annotations

from collections.abc import Iterator

import sympy as sp

from proofs.statements import Statement
from proofs.steps import positive, proves, zero


@proves("ecology.parameter")
def parameter(s: Statement) -> Iterator[str]:
    """The weights enter through their ratios only; E grows with T and H and falls with O and B."""
    T, H, O, B = s.symbols("T H O B")  # noqa: E741
    c = sp.Symbol("c", positive=True)
    yield zero("scaled weights", s["E"].subs({H: c * H, O: c * O, B: c * B}, simultaneous=True) - s["E"])
    yield zero("E (O + B) = T H", s["E"] * (O + B) - T * H)
    yield positive("defined and positive", s["E"])


@proves("ecology.competitor")
def competitor(s: Statement) -> Iterator[str]:
    """Divide the conjectured decay by the conjectured feedback."""
    T, H, O, B, K = s.symbols("T H O B K")  # noqa: E741
    decay, feedback = (H + B) / (K * T**2), O / T**2
    yield zero("K decay/feedback", K * decay / feedback - s["group"])
    yield zero("the temperature cancels", sp.diff(K * decay / feedback, T))
