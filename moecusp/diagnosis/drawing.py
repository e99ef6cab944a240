"""Pictures as SVG text whose colours the page chooses, light or dark; narrow, so that a phone shows them unscaled."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from html import escape

WIDTH = 360.0


def picture(id: str, title: str, description: str, height: float, parts: Iterable[str], width: float = WIDTH) -> str:
    """Return an SVG that says what it shows to those who do not see it."""
    name = escape(id, quote=True)
    return (
        f'<svg viewBox="0 0 {width:g} {height:g}" role="img" aria-labelledby="{name}-t {name}-d" '
        f'xmlns="http://www.w3.org/2000/svg"><title id="{name}-t">{escape(title)}</title>'
        f'<desc id="{name}-d">{escape(description)}</desc>{"".join(parts)}</svg>'
    )


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    """Return a straight line."""
    return f'<line x1="{x1:.2f}" y1="{y1:.2f}" x2="{x2:.2f}" y2="{y2:.2f}" class="{kind}"/>'


def path(points: Sequence[tuple[float, float]], kind: str, closed: bool = False) -> str:
    """Return a line through points."""
    steps = " ".join(f"{'M' if i == 0 else 'L'}{x:.2f} {y:.2f}" for i, (x, y) in enumerate(points))
    return f'<path d="{steps}{"Z" if closed else ""}" class="{kind}"/>'


def rectangle(x: float, y: float, width: float, height: float, kind: str) -> str:
    """Return a rectangle."""
    return f'<rect x="{x:.2f}" y="{y:.2f}" width="{max(width, 0):.2f}" height="{max(height, 0):.2f}" class="{kind}"/>'


def circle(x: float, y: float, radius: float, kind: str) -> str:
    """Return a disc."""
    return f'<circle cx="{x:.2f}" cy="{y:.2f}" r="{radius:g}" class="{kind}"/>'


def text(x: float, y: float, words: str, kind: str = "", anchor: str = "middle", turn: float = 0.0) -> str:
    """Return words at a place."""
    turned = f' transform="rotate({turn:g} {x:.2f} {y:.2f})"' if turn else ""
    named = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.2f}" y="{y:.2f}" text-anchor="{anchor}"{named}{turned}>{escape(words)}</text>'


Scale = Callable[[float], float]


def linear(low: float, high: float, start: float, end: float) -> Scale:
    """Return the map from numbers to places on a line, cut at its ends."""

    def place(value: float) -> float:
        share = min(max((value - low) / (high - low), 0.0), 1.0) if math.isfinite(value) else float(value > 0)
        return start + (end - start) * share

    return place


def logarithmic(low: float, high: float, start: float, end: float) -> Scale:
    """Return the same by orders of magnitude."""
    inner = linear(math.log(low), math.log(high), start, end)
    return lambda value: inner(math.log(value)) if value > 0.0 else start


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Return round numbers between two: multiples of 1, 2 or 5 times a power of ten."""
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * m for m in (1.0, 2.0, 5.0, 10.0) if power * m >= rough * (1.0 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    return [i * step for i in range(first, math.floor(high / step + 1e-9) + 1)]


def decades(low: float, high: float) -> list[float]:
    """Return the numbers 1, 2, 5 times powers of ten between two, or the powers alone if there are many."""
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for marks in ((1.0,), (1.0, 2.0, 5.0)):
        found = [m * 10.0**p for p in exponents for m in marks if low * (1 - 1e-9) <= m * 10.0**p <= high * (1 + 1e-9)]
        if len(found) > 2:
            break
    return found
