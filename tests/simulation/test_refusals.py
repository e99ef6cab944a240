"""What is refused is said in full: the argument, its value and what is allowed, word for word."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from moecusp import ParameterError, RouterParameters, simulate
from moecusp._simulation import request
from moecusp._simulation.arguments import bounded, choice, flag, function
from moecusp.transfer import TransferOperator

HARD: dict[str, Any] = {"selection": "hard"}
SIX = RouterParameters(1.0, experts=6)
LARGE = "with increment, initial and margin_noise such that scores, also times beta, stay < 1e+150"
SMALL = "such that increment * feedback and increment, also times beta, are >= 1e-290"
OPERATOR = "step, batch_size, reach and resolution"


def refused(call: Callable[[], Any], said: str) -> None:
    with pytest.raises(ParameterError) as error:
        call()
    name = error.value.name
    assert str(error.value) == f"{said.partition(': ')[0]}: {name} must be {said.partition(': ')[2]}"
    assert said.startswith(f"{name} = ")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"burn_in": 10}, "burn_in = 10: an integer >= 0 and < steps = 10"),
        ({"burn_in": -1}, "burn_in = -1: an integer >= 0"),
        ({"steps": 0}, "steps = 0: an integer >= 1"),
        ({"steps": 2**32 + 1}, "steps = 4294967297: an integer >= 1 and <= 4294967296"),
        ({"routers": 0}, "routers = 0: an integer >= 1"),
        ({"routers": 2**48 + 1}, "routers = 281474976710657: an integer >= 1 and <= 281474976710656"),
        ({"batch_size": 0}, "batch_size = 0: an integer >= 1"),
        ({"batch_size": 2**32 + 1}, "batch_size = 4294967297: an integer >= 1 and <= 4294967296"),
        ({"seed": -1}, "seed = -1: an integer >= 0"),
        ({"seed": 2**64}, "seed = 18446744073709551616: an integer >= 0 and <= 18446744073709551615"),
        ({"every": 0}, "every = 0: an integer >= 1"),
        ({"trajectory": True}, "every = None: given where scores are to be observed"),
        ({"histogram": [0.0, 1.0]}, "every = None: given where scores are to be observed"),
        ({"observer": print}, "every = None: given where scores are to be observed"),
        ({"observer": 3, "every": 1}, "observer = 3: a function, or left out"),
        ({"progress": 3}, "progress = 3: a function, or left out"),
        ({"trajectory": 1, "every": 1}, "trajectory = 1: True or False"),
        ({"moments": 1}, "moments = 1: True or False"),
        ({"histogram": [0.0], "every": 1}, "histogram = [0.0]: two or more ascending edges"),
        ({"histogram": [0.0, 0.0], "every": 1}, "histogram = [0.0, 0.0]: two or more ascending edges"),
        ({"histogram": [[0.0, 1.0]], "every": 1}, "histogram = [[0.0, 1.0]]: two or more ascending edges"),
        ({"histogram": [0.0, np.inf], "every": 1}, "histogram[1] = inf: finite and real"),
        ({"selection": "medium"}, 'selection = \'medium\': one of "soft", "hard"'),
        ({"increment": 2.0}, "increment = 2.0: < 2/decay = 2, above which the rule diverges"),
        (
            {"increment": 0.6, "parameters": RouterParameters(1.0, decay=[1.0, 4.0])},
            "increment = 0.6: < 2/decay = 0.5, above which the rule diverges",
        ),
        ({"increment": 0.0}, "increment = 0.0: finite and real and > 0"),
        ({"increment": [0.1] * 3}, "increment = (3,): of shape () or (routers,) = (2,)"),
        ({"margin_noise": 0.1}, 'margin_noise = 0.1: zero unless selection is "hard"'),
        ({"margin_noise": -0.1}, "margin_noise = -0.1: finite and real and >= 0"),
        ({"margin_noise": [0.1] * 3, **HARD}, "margin_noise = (3,): of shape () or (routers,) = (2,)"),
        ({"initial": [0.0] * 3}, "initial = (3,): of a shape that broadcasts to (2, 2)"),
        ({"initial": 1e151}, "initial = 1e+151: finite and real and >= -1e+150 and <= 1e+150"),
        ({"initial": -1e151}, "initial = -1e+151: finite and real and >= -1e+150 and <= 1e+150"),
        (
            {"first_passage": (0, 1), "parameters": SIX},
            "first_passage = (0, 1): left out for more than two experts, which have no one margin",
        ),
        ({"first_passage": [0.0, 1.0]}, "first_passage = [0.0, 1.0]: a pair (low, high)"),
        ({"first_passage": (0.0, 1.0, 2.0)}, "first_passage = (0.0, 1.0, 2.0): a pair (low, high)"),
        ({"first_passage": (1.0, 1.0)}, "first_passage = (1.0, 1.0): a pair with low < high"),
        ({"first_passage": (np.nan, None)}, "first_passage = nan: finite and real"),
        ({"first_passage": (None, [1.0] * 3)}, "first_passage = (3,): of shape () or (routers,) = (2,)"),
        ({"feedback_schedule": 3}, "feedback_schedule = 3: pairs (step, offset)"),
        ({"asymmetry_schedule": [(0, 1, 2)]}, "asymmetry_schedule = [(0, 1, 2)]: pairs (step, offset)"),
        ({"asymmetry_schedule": [0.0, 1.0]}, "asymmetry_schedule = [0.0, 1.0]: pairs (step, offset)"),
        (
            {"feedback_schedule": [(1, 0.0), (0, 0.0)]},
            "feedback_schedule = [(1, 0.0), (0, 0.0)]: ascending in the step",
        ),
        (
            {"asymmetry_schedule": [(0, 1e151)]},
            "asymmetry_schedule[0, 1] = 1e+151: finite and real and >= -1e+150 and <= 1e+150",
        ),
        (
            {"feedback_schedule": [(0, -1e151)]},
            "feedback_schedule[0, 1] = -1e+151: finite and real and >= -1e+150 and <= 1e+150",
        ),
        ({"parameters": 3.0}, "parameters = 3.0: a RouterParameters"),
        ({"parameters": RouterParameters([1.0] * 3)}, "parameters = (3,): of shape () or (routers,) = (2,)"),
        ({"parameters": RouterParameters(1e160)}, f"parameters = {str(RouterParameters(1e160))[:57]}...: {LARGE}"),
        (
            {"margin_noise": 1e150, **HARD},
            f"parameters = {str(RouterParameters(1.0))[:57]}...: {LARGE}",
        ),
        ({"parameters": RouterParameters(1e-290)}, f"parameters = {str(RouterParameters(1e-290))[:57]}...: {SMALL}"),
        (
            {"parameters": SIX, "batch_size": 2**31 + 1, **HARD},
            "batch_size = 2147483649: <= 2147483648 for noisy selection among 6",
        ),
        ({"backend": "fortran"}, 'backend = \'fortran\': one of "auto", "numpy", "numba", "torch", "triton"'),
        ({"dtype": "float16"}, 'dtype = \'float16\': one of "float64", "float32"'),
        ({"threads": 0}, "threads = 0: an integer >= 1"),
        ({"threads": 4097}, "threads = 4097: an integer >= 1 and <= 4096"),
        ({"device": "cpu"}, "device = 'cpu': left out unless the backend is torch or triton"),
        ({"device": "cpu", "backend": "numba"}, "device = 'cpu': left out unless the backend is torch or triton"),
        ({"dtype": "float32", "backend": "numba"}, "dtype = 'float32': \"float64\" for numba"),
        (
            {"dtype": "float32", "batch_size": 2**16 + 1},
            "dtype = 'float32': \"float64\" for a batch_size above 65536",
        ),
        (
            {"dtype": "float32", "increment": 1e-6, "steps": 32769, "parameters": RouterParameters([1.0, 2.0])},
            "dtype = 'float32': \"float64\" where the scores remember more than 32768 steps, here 3.28e+04 (the lesser "
            "of steps and 1/(decay * increment))",
        ),
    ],
)
def test_of_simulate(options: dict[str, Any], said: str) -> None:
    good: dict[str, Any] = {"parameters": RouterParameters(1.0), "increment": 0.1, "steps": 10, "routers": 2}
    refused(lambda: simulate(**(good | options)), said)


@pytest.mark.parametrize(
    "options",
    [
        {"steps": 1, "burn_in": 0},
        {"steps": 2, "burn_in": 1},
        {"seed": 2**64 - 1},
        {"seed": 0},
        {"batch_size": 2**16, "dtype": "float32"},
        {"initial": 1e149},
        {"increment": 1.999},
        {"increment": 1e-6, "dtype": "float32"},
        {"histogram": [0.0, 1.0], "every": 1},
        {"feedback_schedule": [(0, 1e148)]},
        {"asymmetry_schedule": [(3, 0.0), (3, -1e148)]},
        {"parameters": RouterParameters(1e-290), "increment": 1.0},
        {"parameters": RouterParameters(1e148)},
        {"first_passage": (None, None)},
        {"first_passage": (-1.0, -0.5)},
        {"threads": 1, "backend": "numpy"},
        {"margin_noise": 0.0},
        {"margin_noise": 1e149, **HARD},
        {"parameters": RouterParameters([1.0]), "increment": [0.1], "steps": 1},
    ],
)
def test_what_is_just_allowed_runs(options: dict[str, Any]) -> None:
    good: dict[str, Any] = {"parameters": RouterParameters(1.0), "increment": 0.1, "steps": 3, "routers": 2}
    run = simulate(**(good | {"backend": "numpy"} | options))
    assert np.all(np.isfinite(run.scores))
    assert run.backend == "numpy"


@pytest.mark.parametrize(
    ("parameters", "more", "allowed"),
    [
        (RouterParameters(1e-150, 1.0, 1e-150), {}, SMALL),  # increment * beta * feedback alone
        (RouterParameters(1e10, 1.0, 1e-291), {}, SMALL),  # increment * beta alone
        (RouterParameters(1e-291, 1.0, 1e10), {}, SMALL),  # increment * feedback alone
        (RouterParameters(1e-140, 1.0, 1e-140), {}, ""),
        (RouterParameters(1.0, 1.0, 1e140), {"initial": [1e11, 0.0]}, LARGE),  # beta times the start alone
        (RouterParameters(1.0, 1.0, 1e-20), {"initial": [0.9e150, -0.9e150]}, LARGE),  # the start alone
        (RouterParameters(1.0, 1.0, 1e140), {"initial": [1e9, 0.0]}, ""),
        (RouterParameters(1.0, 1.0, 1e140), {"margin_noise": 1e11, **HARD}, LARGE),
        (RouterParameters(1.0, 1.0, 1e140), {"margin_noise": 1e9, **HARD}, ""),
        (RouterParameters(1.0, 1.0, [1e-20, 1.0]), {"initial": [[0.9e150, -0.9e150], [0.0, 0.0]]}, LARGE),
        (RouterParameters(1.0, 1.0, [1.0, 1e140]), {"margin_noise": [0.0, 1e11], **HARD}, LARGE),
    ],
)
def test_of_what_leaves_the_range(parameters: RouterParameters, more: dict[str, Any], allowed: str) -> None:
    asked: dict[str, Any] = {"increment": 0.1, "steps": 1, "routers": 2, "backend": "numpy", **more}
    if not allowed:
        simulate(parameters, **asked)
        return
    with pytest.raises(ParameterError) as error:
        simulate(parameters, **asked)
    assert (error.value.name, error.value.allowed) == ("parameters", allowed)


@pytest.mark.parametrize("device", ["nowhere", "meta", 3.5, "cuda:63"])
def test_of_devices(device: object) -> None:
    """What torch says of it, in one line."""
    pytest.importorskip("torch")
    with pytest.raises(ParameterError) as error:
        simulate(RouterParameters(1.0), increment=0.1, steps=1, routers=1, backend="torch", device=device)  # type: ignore[arg-type]
    assert (error.value.name, error.value.value) == ("device", device)
    assert error.value.allowed.startswith("one that torch finds here (")
    assert error.value.allowed.endswith(")")
    cause = str(error.value.__cause__).splitlines()[0]
    assert error.value.allowed == f"one that torch finds here ({cause})"


class TestMemory:
    def said(self, experts: int, routers: int, observations: int, trajectory: bool) -> str:
        with pytest.raises(ParameterError) as error:
            request.check_memory(experts, routers, observations, trajectory)
        assert error.value.value == f"{observations} observations of {routers} routers"
        return f"{error.value.name}: {error.value.allowed}"

    def test_what_is_needed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """8 bytes for each number: 24 a state, 16 a router, one an observation, and all that a trajectory keeps."""
        needed = {
            (2, 5, 0, False): 8 * (24 * 5 + 16 * 5),
            (2, 5, 7, False): 8 * (24 * 5 + 16 * 5 + 7),
            (2, 5, 7, True): 8 * (24 * 5 + 16 * 5 + 5 * 7 + 7),
            (3, 5, 7, True): 8 * (24 * 15 + 16 * 5 + 15 * 7 + 7),
        }
        for run, need in needed.items():
            monkeypatch.setattr(request, "free_memory", lambda need=need: need)
            request.check_memory(*run)
            monkeypatch.setattr(request, "free_memory", lambda need=need: need - 1)
            self.said(*run)

    def test_in_words(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(request, "free_memory", lambda: 3 * 2**29)
        routers = 2**26  # 20 GiB in all
        assert self.said(2, routers, 0, False) == "routers: within free memory: 20.0 GiB needed, 1.5 free"
        assert self.said(2, routers, 40, True) == "routers: within free memory: 40.0 GiB needed, 1.5 free"
        assert self.said(2, routers, 41, True) == "trajectory: within free memory: 40.5 GiB needed, 1.5 free"
        assert self.said(2, 1, 2**28, False) == "every: within free memory: 2.0 GiB needed, 1.5 free"
        assert self.said(2, 2**26, 40 * 2**26, False) == "routers: within free memory: 40.0 GiB needed, 1.5 free"
        assert self.said(2, 2**48, 2**60, True) == "trajectory: within free memory: more than 2^60 GiB needed, 1.5 free"

    def test_what_is_free(self, monkeypatch: pytest.MonkeyPatch) -> None:
        sizes = {"SC_AVPHYS_PAGES": 7, "SC_PAGE_SIZE": 4096}
        monkeypatch.setattr("os.sysconf", lambda name: sizes[name])
        assert request.free_memory() == 7 * 4096
        for error in (AttributeError, OSError, ValueError):

            def silent(_: str, error: type[Exception] = error) -> int:
                raise error

            monkeypatch.setattr("os.sysconf", silent)
            assert request.free_memory() == 2**62


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: bounded("n", 0, 1, 3), "n = 0: an integer >= 1"),
        (lambda: bounded("n", 4, 1, 3), "n = 4: an integer >= 1 and <= 3"),
        (lambda: choice("w", "c", ("a", "b")), 'w = \'c\': one of "a", "b"'),
        (lambda: choice("w", 1, ("a", "b")), 'w = 1: one of "a", "b"'),
        (lambda: flag("f", 0), "f = 0: True or False"),
        (lambda: function("g", 0), "g = 0: a function, or left out"),
    ],
)
def test_of_arguments(call: Callable[[], Any], said: str) -> None:
    refused(call, said)
    assert (bounded("n", 1, 1, 3), bounded("n", 3, 1, 3)) == (1, 3)
    assert choice("w", "b", ("a", "b")) == "b"
    assert [flag("f", value) for value in (True, False)] == [True, False]
    function("g", None)
    function("g", print)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: TransferOperator(-1.0, 0.1), "gain = -1.0: finite and real and >= 0"),
        (lambda: TransferOperator(1.0, 0.0), "step = 0.0: finite and real and > 0 and < 2"),
        (lambda: TransferOperator(1.0, 2.0), "step = 2.0: finite and real and > 0 and < 2"),
        (lambda: TransferOperator(1.0, 0.1, np.inf), "asymmetry = inf: finite and real"),
        (lambda: TransferOperator(1.0, 0.1, batch_size=0), "batch_size = 0: an integer >= 1"),
        (lambda: TransferOperator(1.0, 0.1, reach=-1.0), "reach = -1.0: finite and real and >= 0"),
        (lambda: TransferOperator(1.0, 0.1, resolution=1.5), "resolution = 1.5: finite and real and >= 2"),
        (
            lambda: TransferOperator(1.0, 0.1, reach=1e6),
            f"{OPERATOR} = (0.1, 1, 1000000.0, 8.0): such that 1.6e+08 grid points times batch_size + 1 outcomes of a "
            "step are < 16777216",
        ),
        (
            lambda: TransferOperator(1.0, 0.1, batch_size=2**24),
            f"{OPERATOR} = (0.1, 16777216, 0.0, 8.0): such that inf grid points times batch_size + 1 outcomes of a "
            "step are < 16777216",
        ),
        (lambda: TransferOperator(1.0, 0.1).at(2.0), "u = 2.0: finite and real and >= -1 and <= 1"),
        (lambda: TransferOperator(1.0, 0.1).evolve(np.ones(1), 1), "weights = (1,): of the shape of the grid, (161,)"),
        (lambda: TransferOperator(1.0, 0.1).evolve(np.ones(161), -1), "steps = -1: an integer >= 0"),
        (lambda: TransferOperator(1.0, 0.1).passage_times("a"), "low = 'a': finite and real"),  # type: ignore[arg-type]
        (lambda: TransferOperator(1.0, 0.1).passage_times(-1.0, np.nan), "high = nan: finite and real"),
        (
            lambda: TransferOperator(1.0, 0.1).passage_times(3.0, 4.0),
            "low and high = (3.0, 4.0): such that some grid points are inside and some are not",
        ),
        (
            lambda: TransferOperator(1.0, 0.1).passage_times(),
            "low and high = (-inf, inf): such that some grid points are inside and some are not",
        ),
    ],
)
def test_of_the_transfer_operator(call: Callable[[], Any], said: str) -> None:
    refused(call, said)
