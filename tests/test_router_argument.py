"""A RouterParameters in the place of (gain, asymmetry), the same for every function that takes the two."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

import moecusp as mc

ROUTER = mc.RouterParameters([3.0, 2.9], decay=0.5, inverse_temperature=0.7, asymmetry=[0.1, -0.2])
REST: dict[str, Any] = {"u": 0.3, "step": 0.1, "batch_size": 2.0, "points": 1}
TAKE = [
    name
    for name in mc.__all__
    if inspect.isfunction(getattr(mc, name))
    and {"gain", "asymmetry"} <= set(inspect.signature(getattr(mc, name)).parameters)
]


def plain(result: Any) -> list[Any]:
    if isinstance(result, mc.Equilibria):
        return [result.u.tolist()]
    if inspect.isgenerator(result):
        blocks: Any = result
        return [[*map(str, (part, *plain(found)))] for part, found in blocks]
    return np.asarray(result).tolist()  # type: ignore[no-any-return]


def test_they_are_found() -> None:
    assert len(TAKE) == 14
    assert {"equilibria", "equilibria_blocks", "drift", "escape_time", "stationary_density"} <= set(TAKE)


@pytest.mark.parametrize("name", TAKE)
def test_it_stands_for_both(name: str) -> None:
    function = getattr(mc, name)
    names = list(inspect.signature(function).parameters)
    rest = {n: REST[n] for n in names if n in REST}
    pair = {"gain": ROUTER.gain, "asymmetry": ROUTER.reduced_asymmetry}
    wanted = str(plain(function(**rest, **pair)))
    assert str(plain(function(**rest, gain=ROUTER))) == wanted
    ordered = [ROUTER if n == "gain" else REST[n] for n in names if n != "asymmetry"]
    assert str(plain(function(*ordered))) == wanted
    with pytest.raises(mc.ParameterError, match=r"^asymmetry = 0\.25: asymmetry must be left out"):
        function(**rest, gain=ROUTER, asymmetry=0.25)
    place = names.index("gain")
    both = [*(REST[n] for n in names[:place]), ROUTER, 0.25]
    with pytest.raises(mc.ParameterError, match=r"^asymmetry = 0\.25: asymmetry must be left out"):
        function(*both, **{n: REST[n] for n in names[place + 2 :]})
    with pytest.raises(mc.ParameterError, match=f"^experts = 3: experts must be 2 for {name}"):
        function(**rest, gain=mc.RouterParameters(1.0, experts=3))
    assert "RouterParameters" in function.__doc__


def test_slope_takes_one_too() -> None:
    assert mc.slope(0.3, ROUTER).tolist() == mc.slope(0.3, ROUTER.gain).tolist()


@pytest.mark.parametrize("experts", [2, 3, 64])
def test_a_router_of_reduced_values(experts: int) -> None:
    router = mc.RouterParameters.reduced([0.5, 1.5], 0.3, experts)
    assert router.gain == pytest.approx([0.5, 1.5], rel=3e-16)
    assert router.experts == experts
    eta = router.inverse_temperature * router.asymmetry / router.decay
    assert eta == pytest.approx(0.6 if experts == 2 else 0.3, rel=1e-15)
    if experts == 2:
        assert router.reduced_asymmetry == 0.3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0.0,), "^gain = 0.0: gain must be finite and real and > 0"),
        ((1.5e308,), "^gain = 1.5e"),
        ((1.0, 1e308), "^asymmetry = 1e"),
        ((1.0, -1e308), "^asymmetry = -1e"),
        ((1.0, 0.0, 1), "^experts = 1"),
        (([1.0, 2.0], [1.0, 2.0, 3.0]), "^gain and asymmetry = .*broadcast"),
    ],
)
def test_reduced_values_out_of_range(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(mc.ParameterError, match=message):
        mc.RouterParameters.reduced(*arguments)
