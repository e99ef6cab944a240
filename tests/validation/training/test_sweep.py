"""Training side by side is training one by one; nothing waits for the device; chunks resume."""

from __future__ import annotations

import dataclasses
from typing import Any

import joblib
import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from moecusp import ParameterError
from tests.validation.training.plain import Plain
from validation.storage import load
from validation.streams import stream
from validation.training import chunks, objective
from validation.training.chunks import sweep
from validation.training.language import Language
from validation.training.layers import Start
from validation.training.losses import Gate, Oracle
from validation.training.moe import Tiers
from validation.training.objective import Setting, Weights
from validation.training.sources import Images, Text, draw
from validation.training.sweep import Schedule, optimiser, train
from validation.training.usage import Tally
from validation.training.vision import Vision

SETTINGS = [
    Setting(0.5, 0.1, 1.0, 0.1, 0.05, seed=0),
    Setting(2.0, 0.0, 0.3, 0.0, 0.0, seed=1),
    Setting(1.0, 0.4, 0.0, 0.8, 0.0, seed=0),
]
SCHEDULE = Schedule(steps=12, batch=8, rate=1e-2, encoder_rate=3e-3, checkpoints=3)
TEXT = torch.randint(0, 256, (400,), generator=torch.Generator().manual_seed(5))


def images(count=120, pixels=9, classes=4):
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(count, pixels, generator=generator, dtype=torch.float64)
    labels = (x[:, :classes]).argmax(1)
    return Images(x[:80], labels[:80], x[80:], labels[80:])


MAKES: dict[str, tuple[Any, Any]] = {
    "perceptron": (Vision(9, 4, Tiers((3, 2), (4, 6)), features=6, router=5), images()),
    "convolutional": (
        Vision(9, 4, Tiers.even((4,), 4), features=6, router=5, gate=Gate.RAW, front="convolutional", width=3),
        images(),
    ),
    "language": (Language(Tiers.even((4,), 6), context=8, width=8, router=5), Text(TEXT[:300], TEXT[300:], 8)),
}


@pytest.mark.parametrize(("name", "teacher"), [
    *(("perceptron", teacher) for teacher in Oracle), ("convolutional", Oracle.CLASS), ("language", Oracle.POST)
])  # fmt: skip
def test_side_by_side_is_one_by_one(name, teacher):
    """All that is recorded, after twelve steps: sums in another order differ by rounding only."""
    make, source = MAKES[name]
    schedule = dataclasses.replace(SCHEDULE, teacher=teacher)
    together = train(make, source, SETTINGS, schedule, study="t", dtype=torch.float64)
    assert together["accuracy"].shape == (3, 3)
    for m, setting in enumerate(SETTINGS):
        alone = train(make, source, [setting], schedule, study="t", dtype=torch.float64)
        assert alone.keys() == together.keys()
        for key, values in alone.items():
            np.testing.assert_allclose(together[key][m], values[0], rtol=1e-8, atol=1e-10, err_msg=key)


def test_training_is_that_of_one_model_in_plain_pytorch():
    """Twelve steps of torch.optim.AdamW on the mixture written out expert by expert: the losses of the last step."""
    make, source = MAKES["perceptron"]
    found = train(make, source, SETTINGS, SCHEDULE, study="t", dtype=torch.float64)
    for m, setting in enumerate(SETTINGS):
        start = stream("t", "start", "model", setting.seed).torch()
        order = stream("t", "order", "model", setting.seed).torch()
        model = make.build(Start([start], dtype=torch.float64))
        plain = Plain(model.mixture, make.tiers, 0)
        front = model.encoder.layer
        groups: list[dict[str, Any]] = [
            {"params": list(plain.parameters()), "lr": 1e-2},
            {"params": list(front.parameters()), "lr": 3e-3},
        ]
        for parameter in [each for group in groups for each in group["params"]]:
            parameter.grad = torch.zeros_like(parameter)  # of an expert without tokens: 0, not none
        descent = torch.optim.AdamW(groups, weight_decay=0.01)
        for index in draw([order], 12, 8, 80)[:, 0]:
            x = torch.relu(source.train[index] @ front.weight[0] + front.bias[0])
            terms = plain.terms(x, source.train_labels[index], setting.temperature, Oracle.BEST)
            loss = terms["task"] + sum(getattr(setting, term) * terms[term] for term in terms if term != "task")
            descent.zero_grad(set_to_none=False)
            loss.backward()
            descent.step()
        assert found["loss"][m, -1] == pytest.approx(loss.item(), rel=1e-9)
        assert found["loss"][m, -1] != pytest.approx(found["loss"][m, 0], rel=1e-4)


def test_models_of_one_seed_start_alike_and_others_do_not():
    make, source = MAKES["perceptron"]
    same = [Setting(seed=4), Setting(seed=4), Setting(seed=5)]
    found = train(make, source, same, SCHEDULE, study="t")
    assert np.array_equal(found["probability"][0], found["probability"][1])
    assert not np.allclose(found["probability"][0], found["probability"][2])
    other = train(make, source, same, SCHEDULE, study="u")
    assert not np.allclose(found["probability"], other["probability"])


class NoWaiting(TorchDispatchMode):
    """Refuses whatever makes the host wait for a device: numbers read back, shapes that depend on values, copies."""

    REFUSED = ("_local_scalar_dense", "nonzero", "masked_select", "equal", "is_nonzero", "unique", "bincount", "item")

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.__name__.split(".")[0]
        if name.lstrip("_").startswith(self.REFUSED) or name in self.REFUSED:
            raise AssertionError(f"waits for the device: {func}")
        if name == "index" and any(i is not None and i.dtype == torch.bool for i in args[1]):
            raise AssertionError("an index by a mask waits for the device")
        if name in ("_to_copy", "copy_") and "cpu" in str((kwargs or {}).get("device", "")):
            raise AssertionError("a copy to the host waits for the device")
        return func(*args, **(kwargs or {}))


def step(make, source, device, dtype=torch.float32, teacher=Oracle.POST):
    """Take a step as `train` does, from weights to the tally."""
    model = make.build(Start([torch.Generator()] * 3, device, dtype))
    weights = Weights.of(SETTINGS, device, dtype)
    here = source.to(device, dtype)
    index = torch.zeros(3, 8, dtype=torch.int64, device=device)
    descent, tally = optimiser(model, SCHEDULE), Tally()

    def take():
        inputs, labels = here.batch(index)
        output = model(inputs, weights.temperature)
        loss = objective.loss(output, labels, weights, teacher)
        descent.zero_grad()
        loss.sum().backward()
        descent.step()
        tally.add(output.layers)
        return loss

    return take


@pytest.mark.parametrize("teacher", list(Oracle))
@pytest.mark.parametrize("name", MAKES)
class TestNothingWaits:
    def test_no_step_reads_anything_back(self, name, teacher):
        take = step(*MAKES[name], "cpu", teacher=teacher)
        take()  # the first makes the optimiser's state
        with NoWaiting():
            take()

    def test_a_step_runs_without_any_numbers(self, name, teacher):
        """On the meta device a tensor has a shape and no values: what depends on one raises."""
        loss = step(*MAKES[name], "meta", teacher=teacher)()
        assert loss.is_meta
        assert loss.shape == (3,)


@pytest.mark.parametrize("wait", [
    lambda x: x.sum().item(), lambda x: x[x > 0], lambda x: x.nonzero(), lambda x: bool((x > 0).any()),
])  # fmt: skip
def test_what_waits_is_refused(wait):
    x = torch.ones(3)
    with NoWaiting(), pytest.raises(AssertionError, match="wait"):
        wait(x)


@pytest.mark.gpu
@pytest.mark.parametrize("name", MAKES)
def test_a_device_gives_the_same(name):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    make, source = MAKES[name]
    here = train(make, source, SETTINGS, SCHEDULE, study="t", dtype=torch.float64)
    there = train(make, source, SETTINGS, SCHEDULE, study="t", dtype=torch.float64, device="cuda")
    for key, values in here.items():
        np.testing.assert_allclose(there[key], values, rtol=1e-8, atol=1e-10, err_msg=key)


class TestChunks:
    MANY = tuple(dataclasses.replace(each, seed=seed) for seed in range(2) for each in SETTINGS)

    def run(self, folder, said=None, **changes):
        make, source = MAKES["perceptron"]
        given = {"settings": self.MANY, "schedule": SCHEDULE, "study": "t", "chunk": 2, "dtype": torch.float64}
        say = said.append if said is not None else lambda _: None
        return sweep(folder, make, source, say=say, **{**given, **changes})

    def test_chunks_are_the_whole(self, tmp_path):
        found = self.run(tmp_path)
        make, source = MAKES["perceptron"]
        whole = train(make, source, self.MANY, SCHEDULE, study="t", dtype=torch.float64)
        for key, values in whole.items():
            np.testing.assert_allclose(found[key], values, rtol=1e-8, atol=1e-10, err_msg=key)

    def test_what_is_there_is_not_trained_again(self, tmp_path, monkeypatch):
        first = self.run(tmp_path)
        monkeypatch.setattr(chunks, "train", None)
        said: list[str] = []
        second = self.run(tmp_path, said)
        assert said == ["3 of 3 chunks are there"]
        assert all(np.array_equal(first[key], second[key], equal_nan=True) for key in first)

    @pytest.mark.parametrize("fault", ["missing", "cut", "other"])
    def test_a_missing_cut_or_other_chunk_is_trained_again(self, tmp_path, fault):
        first = self.run(tmp_path)
        path = tmp_path / "00001.npz"
        if fault == "missing":
            path.unlink()
        elif fault == "cut":
            path.write_bytes(path.read_bytes()[:1000])
        else:
            (tmp_path / "00000.npz").replace(path)
        trained = {"missing": [1], "cut": [1], "other": [0, 1]}[fault]
        said: list[str] = []
        second = self.run(tmp_path, said)
        assert said[0] == f"{3 - len(trained)} of 3 chunks are there"
        assert len(said) == 1 + len(trained)
        assert all(np.array_equal(first[key], second[key], equal_nan=True) for key in first)
        assert [path.name for path in sorted(tmp_path.iterdir())] == [f"0000{n}.npz" for n in range(3)]

    @pytest.mark.parametrize("change", [
        {"study": "u"}, {"schedule": dataclasses.replace(SCHEDULE, decay=0.02)}, {"dtype": torch.float32},
        {"settings": [dataclasses.replace(each, entropy=each.entropy + 1e-9) for each in MANY]},
    ], ids=["study", "schedule", "dtype", "settings"])  # fmt: skip
    def test_another_request_shares_no_chunk(self, tmp_path, change):
        self.run(tmp_path)
        before = [load(path).sha256 for path in sorted(tmp_path.iterdir())]
        said: list[str] = []
        self.run(tmp_path, said, **change)
        assert len(said) == 3
        after = [load(path).sha256 for path in sorted(tmp_path.iterdir())]
        assert all(a != b for a, b in zip(before, after, strict=True))

    def test_other_items_share_no_chunk(self, tmp_path):
        make, source = MAKES["perceptron"]
        self.run(tmp_path)
        moved = dataclasses.replace(source, test=source.test + 1e-12)
        said: list[str] = []
        sweep(tmp_path, make, moved, self.MANY, SCHEDULE, study="t", chunk=2, dtype=torch.float64, say=said.append)
        assert len(said) == 3

    def test_two_workers_give_what_one_gives(self, tmp_path):
        one = self.run(tmp_path / "1")
        with joblib.parallel_config("threading"):  # as any backend; the benchmark runs processes
            two = self.run(tmp_path / "2", processes=2)
        assert all(np.array_equal(one[key], two[key], equal_nan=True) for key in one)

    @pytest.mark.parametrize("change", [{"chunk": 0}, {"processes": 0}, {"settings": []}])
    def test_errors(self, tmp_path, change):
        with pytest.raises(ParameterError, match=r"must be an integer >= 1"):
            self.run(tmp_path, **change)


class TestSchedule:
    def test_checkpoints_are_evenly_spread_to_the_end(self):
        assert Schedule(steps=10, batch=1, checkpoints=4).marks == (2, 5, 8, 10)
        assert Schedule(steps=3, batch=1, checkpoints=3).marks == (1, 2, 3)

    @pytest.mark.parametrize("change", [
        {"steps": 0}, {"batch": 0}, {"checkpoints": 13}, {"checkpoints": 0}, {"rate": -1.0}, {"decay": float("nan")},
        {"encoder_rate": float("inf")}, {"batch": 1.5},
    ])  # fmt: skip
    def test_errors(self, change):
        with pytest.raises(ParameterError, match=rf"^{next(iter(change))} = "):
            dataclasses.replace(SCHEDULE, **change)
