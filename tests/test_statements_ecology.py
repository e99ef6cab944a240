"""One test a statement: the derived rule for experts without a class, against minima of the loss written out."""

from __future__ import annotations

import math
from typing import Any

import mpmath as mp
import pytest

from proofs.statements import value
from tests.free_probabilities import Loss, minimum

pytestmark = pytest.mark.usefixtures("digits")

SETTINGS = [(0.3, 1.7, 0.1, 4, 2, 1), (0.2, 1.5, 0.4, 8, 3, 1), (0.3, 0.9, 0.3, 16, 10, 2)]


def state(h: float, o: float, b: float, k: int, c: int, n: int) -> dict[str, Any]:
    """Return the three values of the minimum and the settings, by the statements' names."""
    loss = Loss(h, o, b, k, c, n)
    p = minimum(loss)
    rest = p[0, 1] if c > 1 else 1.0
    gap = k * (loss.counts[0] - loss.counts[-1])
    given = {"H": h, "O": o, "B": b, "K": k, "C": c, "k": n}
    found = {"a": p[0, 0], "b": rest, "r": p[0, -1], "P": p[:, 0].mean(), "D": gap}
    return {name: mp.mpf(float(x)) for name, x in {**given, **found}.items()}


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.statement("ecology.stationary")
def test_stationary(setting: Any) -> None:
    known = state(*setting)
    assert abs(value("ecology.stationary", "own", **known)) < 1e-9
    assert abs(value("ecology.stationary", "other", **known)) < 1e-9
    for name in "abr":  # off by a percent they do not vanish
        moved = {**known, name: known[name] * mp.mpf("1.01")}
        sizes = [abs(value("ecology.stationary", claim, **moved)) for claim in ("own", "other")]
        assert max(sizes) > 1e-3


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.statement("ecology.dead_expert")
def test_dead_expert(setting: Any) -> None:
    known = state(*setting)
    assert abs(value("ecology.dead_expert", "D", **known) - known["D"]) < 1e-12
    rule = value("ecology.dead_expert", "log_r", **known)
    excess = value("ecology.dead_expert", "excess", **known)
    assert abs((known["H"] + known["B"]) * (rule - mp.log(known["r"])) - excess) < 1e-9
    assert excess > 1e-3
    assert abs(mp.log(value("ecology.dead_expert", "r", **known)) - rule) < 1e-12


@pytest.mark.statement("ecology.critical_ratio")
def test_critical_ratio() -> None:
    """Weights in the claimed ratio, whose rule is solved for its threshold by hand."""
    h, o, b, c, d = 0.3, 1.7, 0.1, 10, 1.6
    q = math.exp(-(o + b * (math.log(c) - d)) / (h + b))
    assert abs(value("ecology.critical_ratio", "ratio", theta=q, x=b / o, C=c, D=d) - (h + b) / o) < 1e-12
    assert abs(value("ecology.critical_ratio", "limit", theta=0.01) - mp.mpf("0.217147240952")) < 1e-11


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.statement("ecology.critical_oracle")
def test_critical_oracle(setting: Any) -> None:
    """From the minimum's own share of an expert without a class: the weight that the minimum was taken at."""
    known = state(*setting)
    known["theta"] = known["r"]
    known["G"] = value("ecology.critical_oracle", "G", **known)
    assert abs(known["G"] - mp.log(known["P"] / known["r"]) - known["D"]) < 1e-9
    assert abs(value("ecology.critical_oracle", "a", **known) - known["a"]) < 1e-9
    assert abs(value("ecology.critical_oracle", "O", **known) - known["O"]) < 1e-8
