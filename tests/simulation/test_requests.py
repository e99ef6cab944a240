"""Bad requests are refused before any work, with the argument, its value and what is allowed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from moecusp import ParameterError, RouterParameters, simulate
from moecusp._simulation import request

ROOT = Path(__file__).parents[2]


class TestBadRequests:
    @pytest.mark.parametrize(
        ("options", "name"),
        [
            ({"increment": 2.0}, "increment"),
            ({"increment": 0.0}, "increment"),
            ({"increment": float("nan")}, "increment"),
            ({"increment": [0.1, 0.2, 0.3]}, "increment"),
            ({"steps": 0}, "steps"),
            ({"steps": -1}, "steps"),
            ({"steps": 2**32 + 1}, "steps"),
            ({"steps": 1.5}, "steps"),
            ({"routers": 0}, "routers"),
            ({"batch_size": 0}, "batch_size"),
            ({"selection": "medium"}, "selection"),
            ({"margin_noise": 0.1}, "margin_noise"),
            ({"margin_noise": -0.1, "selection": "hard"}, "margin_noise"),
            ({"initial": [1.0, 2.0, 3.0]}, "initial"),
            ({"burn_in": 10}, "burn_in"),
            ({"first_passage": (1.0, -1.0)}, "first_passage"),
            ({"first_passage": 1.0}, "first_passage"),
            ({"every": 0}, "every"),
            ({"trajectory": True}, "every"),
            ({"histogram": [0.0], "every": 1}, "histogram"),
            ({"histogram": [1.0, 0.0], "every": 1}, "histogram"),
            ({"feedback_schedule": [(0, 1.0, 2.0)]}, "feedback_schedule"),
            ({"asymmetry_schedule": [(5, 1.0), (0, 2.0)]}, "asymmetry_schedule"),
            ({"seed": -1}, "seed"),
            ({"seed": 2**64}, "seed"),
            ({"backend": "fortran"}, "backend"),
            ({"dtype": "float16"}, "dtype"),
            ({"threads": 0}, "threads"),
            ({"device": "cpu", "backend": "numpy"}, "device"),
            ({"routers": 10**12}, "routers"),
            ({"routers": 10**400}, "routers"),
            ({"routers": 2.0}, "routers"),
            ({"steps": 10**400}, "steps"),
            ({"batch_size": 10**30}, "batch_size"),
            ({"batch_size": True}, "batch_size"),
            ({"moments": "yes"}, "moments"),
            ({"moments": 1}, "moments"),
            ({"trajectory": "no", "every": 1}, "trajectory"),
            ({"trajectory": "no"}, "trajectory"),
            ({"progress": 3}, "progress"),
            ({"observer": 3, "every": 1}, "observer"),
            ({"every": 1.0}, "every"),
            ({"burn_in": "1"}, "burn_in"),
            ({"seed": 1.0}, "seed"),
            ({"seed": 10**400}, "seed"),
            ({"selection": np.array(["soft", "hard"])}, "selection"),
            ({"backend": None}, "backend"),
            ({"dtype": np.float64}, "dtype"),
            ({"threads": 10**9}, "threads"),
            ({"threads": "2"}, "threads"),
            ({"increment": "0.1"}, "increment"),
            ({"increment": 1e300}, "increment"),
            ({"initial": 1e200}, "initial"),
            ({"initial": np.nan}, "initial"),
            ({"initial": None}, "initial"),
            ({"margin_noise": np.inf, "selection": "hard"}, "margin_noise"),
            ({"margin_noise": 1e200, "selection": "hard"}, "parameters"),
            ({"first_passage": (np.nan, 1.0)}, "first_passage"),
            ({"first_passage": ("a", 1.0)}, "first_passage"),
            ({"first_passage": [0.0, 1.0]}, "first_passage"),
            ({"feedback_schedule": 3}, "feedback_schedule"),
            ({"feedback_schedule": "ab"}, "feedback_schedule"),
            ({"feedback_schedule": [(0, np.nan)]}, "feedback_schedule"),
            ({"asymmetry_schedule": [(0, 1e300)]}, "asymmetry_schedule"),
            ({"asymmetry_schedule": []}, "asymmetry_schedule"),
            ({"histogram": [0.0, np.inf], "every": 1}, "histogram"),
            ({"histogram": "bins", "every": 1}, "histogram"),
            ({"histogram": [-1.7e308, 1.7e308, 0.0], "every": 1}, "histogram"),
            ({"parameters": 3.0}, "parameters"),
            ({"parameters": RouterParameters(1e200)}, "parameters"),
            ({"parameters": RouterParameters(1e-300)}, "parameters"),
            ({"parameters": RouterParameters(1.0, asymmetry=-1e200)}, "parameters"),
            ({"parameters": RouterParameters(1.0, inverse_temperature=1e200)}, "parameters"),
            ({"parameters": RouterParameters(1e160, inverse_temperature=1e-160)}, "parameters"),
            ({"backend": "torch", "device": "nowhere"}, "device"),
            ({"backend": "torch", "device": "meta"}, "device"),
            ({"backend": "torch", "device": 3.5}, "device"),
            ({"backend": "torch", "device": "cuda:63"}, "device"),
        ],
    )
    def test_names_the_argument(self, options: dict[str, Any], name: str) -> None:
        if options.get("backend") == "torch":
            pytest.importorskip("torch")
        good: dict[str, Any] = {"parameters": RouterParameters(1.0), "increment": 0.1, "steps": 10, "routers": 2}
        with pytest.raises(ParameterError) as error:
            simulate(**(good | options))
        assert error.value.name.split("[")[0] == name
        assert name in str(error.value)
        assert "must be" in str(error.value)

    @pytest.mark.parametrize(
        ("options", "allowed"),
        [
            ({"device": "cpu", "backend": "numpy"}, "left out unless the backend is torch or triton"),
            ({"steps": 2**32 + 1}, "an integer >= 1 and <= 4294967296"),
        ],
    )
    def test_says_what_is_allowed(self, options: dict[str, Any], allowed: str) -> None:
        good: dict[str, Any] = {"parameters": RouterParameters(1.0), "increment": 0.1, "steps": 10, "routers": 2}
        with pytest.raises(ParameterError) as error:
            simulate(**(good | options))
        assert error.value.allowed == allowed

    def test_noisy_batches_beyond_the_counter_are_refused(self) -> None:
        """More than 2^32 blocks of words a step would start again from the first."""
        with pytest.raises(ParameterError, match="batch_size"):
            simulate(
                RouterParameters(1.0, experts=6),
                increment=0.1,
                steps=1,
                routers=1,
                selection="hard",
                batch_size=2**31 + 1,
            )

    def test_one_expert_is_refused(self) -> None:
        with pytest.raises(ParameterError, match="experts"):
            RouterParameters(feedback=1.0, experts=1)

    def test_what_does_not_fit_in_memory_is_refused_before_any_work(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(request, "free_memory", lambda: 2**20)
        with pytest.raises(ParameterError, match=r"trajectory.*GiB"):
            simulate(RouterParameters(feedback=1.0), increment=0.1, steps=10**6, routers=100, every=1, trajectory=True)
        with pytest.raises(ParameterError, match=r"every.*GiB"):
            simulate(
                RouterParameters(feedback=1.0), increment=0.1, steps=10**6, routers=1, every=1, histogram=[0.0, 1.0]
            )
        with pytest.raises(ParameterError, match=r"routers.*GiB"):
            simulate(RouterParameters(feedback=1.0), increment=0.1, steps=10, routers=10**6)

    def test_shape_of_the_parameters(self) -> None:
        with pytest.raises(ParameterError, match="parameters"):
            simulate(RouterParameters(feedback=[1.0, 2.0]), increment=0.1, steps=10, routers=3)


class TestWhatIsMissing:
    @pytest.mark.parametrize(("backend", "extra"), [("numba", "fast"), ("torch", "torch"), ("triton", "torch")])
    def test_names_the_extra(self, backend: str, extra: str) -> None:
        """In an interpreter of its own, which has not loaded it."""
        code = f"import sys; sys.modules['{backend}'] = None; from moecusp import RouterParameters, simulate\n"
        code += f"simulate(RouterParameters(1.0), increment=0.1, steps=1, routers=1, backend='{backend}')"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
        assert re.search(rf"ImportError: .*{backend}.*pip install 'moecusp\[{extra}\]'", done.stderr), done.stderr


class TestAccepted:
    def test_numpy_integers_of_any_width(self) -> None:
        """An 8-bit number of steps must not wrap around."""
        numbers: dict[str, Any] = {
            "steps": np.int8(120), "routers": np.uint8(200), "burn_in": np.int8(100), "every": np.int8(50),
            "batch_size": np.int16(3),
        }  # fmt: skip
        run = simulate(RouterParameters(1.0), increment=0.1, trajectory=True, **numbers)
        assert run.trajectory is not None
        assert run.observed is not None
        assert run.trajectory.shape == (3, 200)
        assert run.observed.tolist() == [0, 50, 100]

    def test_a_rare_observation_is_the_start(self) -> None:
        run = simulate(RouterParameters(1.0), increment=0.1, steps=5, routers=1, every=10**30, trajectory=True)
        assert run.observed is not None
        assert run.observed.tolist() == [0]

    def test_tensors(self) -> None:
        torch = pytest.importorskip("torch")
        plain = simulate(RouterParameters([1.0, 2.0]), increment=0.1, steps=20, routers=2)
        other = simulate(
            RouterParameters(torch.tensor([1.0, 2.0])),
            increment=torch.tensor(0.1, dtype=torch.float64),
            steps=20,
            routers=2,
        )
        np.testing.assert_array_equal(plain.scores, other.scores)

    @pytest.mark.parametrize("backend", ["numpy", "numba"])
    @pytest.mark.parametrize("experts", [2, 4])
    def test_the_callers_errstate_does_not_matter(self, backend: str, experts: int) -> None:
        pytest.importorskip(backend)
        start = [900.0] + [0.0] * (experts - 1)  # e^-900 vanishes
        with np.errstate(all="raise"):
            run = simulate(
                RouterParameters(3.0, 1e-300, experts=experts), increment=0.1, steps=50, routers=3, initial=start,
                backend=backend, moments=True, burn_in=10,
            )  # fmt: skip
        assert np.all(run.load[:, 0] == 1.0)
