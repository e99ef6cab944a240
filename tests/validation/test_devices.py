"""Runs on another device: the same numbers are drawn, and no tensor is left where it cannot be used.

Without such a device a stand-in takes its place: `Far` tensors, which like those of a real one refuse to meet tensors
of the CPU, and refuse to be read by NumPy unless brought back.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from torch import Tensor

import validation.__main__ as command
from moecusp import ParameterError
from moecusp.cli import execute
from tests.validation.planted import stored
from tests.validation.routers.truth import TRUTHS, changed, name_of
from validation.devices import Placed, cached, on
from validation.mean_field.study import STUDY as MEAN_FIELD
from validation.streams import stream
from validation.studies import computing

MAKERS = {
    torch.tensor, torch.as_tensor, torch.zeros, torch.ones, torch.full, torch.empty, torch.eye, torch.arange,
    torch.linspace, torch.randn, torch.rand, torch.randint, torch.randperm,
}  # fmt: skip

GRAD = vars(torch._C.TensorBase)["grad"].__get__


class Far(Tensor):
    """A tensor of the stand-in."""

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        met = [each for each in tensors((args, kwargs or {})) if not isinstance(each, Far)]
        with torch._C.DisableTorchFunctionSubclass():
            if any(each.ndim for each in met):  # numbers may meet
                raise RuntimeError(f"{func.__name__}: a tensor of the CPU, shape {tuple(met[0].shape)}")
        if func in (Tensor.numpy, Tensor.__array__):
            raise TypeError("cannot read a tensor of another device: bring it back first")
        return super().__torch_function__(func, types, args, kwargs or {})


def tensors(value):
    """Yield the tensors of nested arguments."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from tensors(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from tensors(each)


class StandIn(Placed):
    """What `on` enters for a device, and what torch does there by itself: make tensors on it."""

    def far(self, tensor):
        return tensor.as_subclass(Far)

    def near(self, tensor):
        return tensor.detach().as_subclass(Tensor)

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func is Tensor.cpu:
            return self.near(args[0])
        found = super().__torch_function__(func, types, args, kwargs)
        if func == torch.autograd.grad:  # autograd knows no stand-in: gradients are where their tensors are
            return tuple(map(self.far, found))
        drawn = (kwargs or {}).get("generator") is not None  # that is for `Placed` to move
        made = (func in MAKERS and not drawn) or (func == GRAD and isinstance(found, Tensor))
        return self.far(found) if made and not isinstance(found, Far) else found


class TestStandIn:
    """The stand-in refuses what a device refuses: else the tests below could not fail."""

    def test_refuses_to_meet_the_cpu(self):
        here = torch.ones(2)
        with StandIn(), pytest.raises(RuntimeError, match="a tensor of the CPU"):
            torch.ones(2) + here

    def test_refuses_to_be_read(self):
        with StandIn():
            far = torch.ones(2)
        with pytest.raises(TypeError, match="bring it back"):
            far.numpy()
        with pytest.raises(TypeError, match="bring it back"):
            np.asarray(far)


class TestPlaced:
    def test_draws_what_the_stream_has(self):
        def drawn():
            source = stream("t", "t", 0, 0).torch()
            noise = torch.empty(5).exponential_(generator=source)
            return [torch.randn(3, generator=source), torch.randperm(9, generator=source), noise.clone()]

        plain = drawn()
        with StandIn():
            found = drawn()
            read = [each.numpy() for each in found]
        assert all(isinstance(each, Far) for each in found)
        for one, other in zip(plain, read, strict=True):
            assert_array_equal(one.numpy(), other)

    def test_meta_tensors_are_made_and_drawn_on_meta(self):
        source = torch.Generator().manual_seed(1)
        with torch.device("meta"), Placed():
            found = [torch.zeros(2), torch.randn(2, generator=source), torch.empty(2).exponential_(generator=source)]
        assert [each.device.type for each in found] == 3 * ["meta"]
        assert source.get_state().equal(_after(1))

    def test_caches_hold_one_result_a_device(self):
        @cached(2)
        def made(size: int) -> Tensor:
            return torch.zeros(size)

        assert made(3) is made(3)
        with torch.device("meta"):
            assert made(3).device.type == "meta"
        assert made(3).device.type == "cpu"


BRIEF: dict[str, dict[str, Any]] = {"onset": {"growth_steps": 2, "tokens": 20}, "joint": {"steps": (2, 2, 2)}}
"""What makes the longest shorter still."""


def _after(seed):
    source = torch.Generator().manual_seed(seed)
    torch.randn(2, generator=source)
    torch.empty(2).exponential_(generator=source)
    return source.get_state()


def _ran(truth, folder, place):
    """Return what a subject predicts and measures in a short run, inside a context of `place`."""
    folder.mkdir()
    profile = changed(truth, **{**truth.FEW, **truth.SHORT, **BRIEF.get(name_of(truth), {})})
    with place():
        plan = stored(folder, truth.SUBJECT.predict(profile, 3))
    measured: dict[str, np.ndarray] = {}
    for part in truth.SUBJECT.parts(profile, plan):
        with place():
            found = part.run(stream("routers", part.name, 0, 3), lambda _: None)
        measured |= {f"{part.name}.{name}": np.asarray(value) for name, value in found.items()}
    return {**plan.arrays, **measured}


@pytest.mark.parametrize("truth", TRUTHS, ids=name_of)
def test_no_tensor_of_a_router_is_elsewhere(truth, tmp_path, monkeypatch):
    monkeypatch.setattr("torch.get_default_device", lambda: "far")  # the caches' key
    far = _ran(truth, tmp_path / "far", StandIn)
    monkeypatch.undo()
    near = _ran(truth, tmp_path / "near", lambda: on("cpu"))
    assert far.keys() == near.keys()
    for name, value in near.items():
        assert_array_equal(far[name], value, err_msg=name)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("truth", TRUTHS, ids=name_of)
def test_a_gpu_finds_what_the_cpu_does(truth, tmp_path):
    """Predictions to rounding, whatever of them no tie decides; runs of hard routing part, for ties are broken."""
    there = _ran(truth, tmp_path / "there", lambda: on("cuda"))
    here = _ran(truth, tmp_path / "here", lambda: on("cpu"))
    assert there.keys() == here.keys()
    for name, value in here.items():
        assert there[name].shape == value.shape
        if name.endswith((".critical", ".untrained", ".states", ".fold", ".point")):
            assert_allclose(there[name], value, rtol=0.02, err_msg=name)


class TestCommand:
    @pytest.fixture(name="run")
    def _run(self, monkeypatch, tmp_path, capsys):
        def run(*arguments):
            monkeypatch.setattr("sys.argv", ["validation", *arguments, "--output", str(tmp_path / "report")])
            return execute(command.app, "validation"), capsys.readouterr().err

        return run

    @pytest.mark.parametrize("verb", ["run", "seeds"])
    def test_of_an_unknown_device(self, run, verb):
        assert run(verb, "routers", "--device", "tpu") == (
            2,
            "error: device = 'tpu': device must be one of: cpu, cuda\n",
        )

    @pytest.mark.parametrize("verb", ["run", "seeds"])
    def test_without_a_gpu_nothing_runs(self, run, verb, monkeypatch, tmp_path):
        monkeypatch.setattr("torch.cuda.is_available", lambda: False)
        status, said = run(verb, "routers", "--profile", "smoke", "--device", "cuda")
        assert status == 2
        assert "device must be a device that torch finds on this machine: here that is cpu alone" in said
        assert not any(each.is_file() for each in tmp_path.rglob("*"))

    def test_a_study_without_torch_says_so(self):
        with (
            pytest.raises(ParameterError, match="what mean-field runs is none of torch's"),
            computing(MEAN_FIELD, "cuda"),
        ):
            pass

    def test_a_study_of_torch_is_told_the_device(self, monkeypatch):
        study = replace(MEAN_FIELD, devices=("cpu", "cuda"))
        monkeypatch.setattr("torch.cuda.is_available", lambda: True)
        monkeypatch.setattr("torch.cuda.get_device_name", lambda: "a GPU")
        with computing(study, "cuda") as name:
            assert (name, _asked()) == ("a GPU", "cuda")
        with computing(study, "cpu") as name:
            assert (name, _asked()) == ("", "cpu")


def _asked():
    """Return the device that a new tensor is asked for, there or not."""
    try:
        return torch.zeros(1).device.type
    except (AssertionError, RuntimeError):  # of a torch without CUDA, or a machine without
        return "cuda"
