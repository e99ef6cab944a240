"""The integral of kappa along the optimal path, by Gauss-Legendre rules on panels with proved bounds."""

from __future__ import annotations

from flint import arb, ctx

from moecusp.certify.balls import Ball
from moecusp.certify.escape_path import Path, Tube
from moecusp.certify.integrals import ellipse, gauss_error, gauss_legendre, gauss_nodes

_DEPTH = 1000  # halvings of a panel; layers have a relative width of 1/g
_PANELS = 20_000  # tried before all others are taken as they are
_LOOSE = 9  # and of one where kappa is hardly known, for the parameters' sake


def area(path: Path, low: Ball, high: Ball, error: Ball) -> Ball:
    """Enclose the integral of kappa between exact points, with some error a panel if the parameters allow it.

    Panels are halved until a tube about kappa on the ellipse about each is proved. Where the parameters' balls do not
    allow one kappa is enclosed on the panel itself.
    """
    total, rest = arb(0), arb(0)
    panels: list[tuple[Ball, Ball, Tube | None]] = [(low, high, None)] if low < high else []
    tried = 0
    while panels:
        a, b, parent = panels.pop()
        tried += 1
        middle, half = (a + b) / 2, (b - a) / 2
        tube = path.tube(ellipse(middle, half), parent and parent.on(middle.mid()))
        if tube.rest is not None:
            value, more = _panel(path, tube, middle, half, error)
            total += value
            rest += more
        elif tried < _PANELS and half > (high - low) / 2 ** (_DEPTH if tube.tight else _LOOSE):
            cut = middle.mid()
            panels += [(cut, b, tube), (a, cut, tube)]
        else:
            total += 2 * half * path.over(a.union(b), tube.centre)
    return total + arb(0, 1) * rest


def _panel(path: Path, tube: Tube, middle: Ball, half: Ball, error: Ball) -> tuple[Ball, Ball]:
    """Return the sum over the nodes and a bound on its error."""
    bound, bits = (half * abs(tube.rest)).upper(), int(ctx.prec)
    nodes = gauss_nodes(bound, error)
    total = arb(0)
    for node, weight in gauss_legendre(nodes, bits):
        x = middle + half * node
        total += weight * path.at(x, bits, tube.on(x))
    return total * half, gauss_error(bound, nodes)
