"""Watching a model of our own in training: the numbers are those of its loads, and no step is disturbed."""

import warnings

import numpy as np
import pytest
import torch
from torch import nn

from moecusp import ParameterError
from moecusp.metrics import layer_metrics
from moecusp.routing import Dispatch, RoutingMonitor, record
from tests.routing.own import EXPERTS, Model, choices, tokens


def max_vio(model, *batches):
    """Of each layer, from the choices of its gates found by hand, all batches together."""
    found = [choices(model, ids) for ids in batches]
    counts = [np.bincount(torch.cat(each).flatten(), minlength=EXPERTS) for each in zip(*found, strict=True)]
    return [float(each.max() / each.mean() - 1) for each in counts]


class Kept(list):
    def __call__(self, numbers, step):
        self.append((step, numbers))


def test_numbers_are_of_the_tokens_since_the_last_report():
    model, sink = Model(), Kept()
    batches = [tokens(seed=i) for i in range(5)]
    with RoutingMonitor(model, sink, every=2, metrics=["max_vio"]) as monitor:
        for step, ids in enumerate(batches):
            model(ids)
            monitor.step(step)
    assert [step for step, _ in sink] == [1, 3]
    for i, (_, numbers) in enumerate(sink):
        wanted = max_vio(model, *batches[2 * i : 2 * i + 2])
        assert [numbers[f"moe/layer_0{layer}/max_vio"] for layer in range(3)] == pytest.approx(wanted, rel=1e-14)
        assert numbers["moe/worst/max_vio"] == max(numbers.values())


def test_every_metric_is_that_of_a_trace_and_pooled_ones_are_called_so():
    model, sink, ids = Model(), Kept(), tokens()
    with record(model, sample=1024) as recorder:
        model(ids)
    with RoutingMonitor(model, sink, prefix="r") as monitor:
        model(ids)
        monitor.step(3)
    ((step, numbers),) = sink
    assert step == 3
    assert "r/pooled/balance_loss" in numbers
    assert sum("pooled" in name for name in numbers) == 1
    for i, each in enumerate(recorder.trace()):
        values = layer_metrics(each).values
        for name in ("max_vio", "dead_relative", "load_entropy", "drop_rate", "router_entropy", "balance_loss"):
            assert numbers[f"r/layer_0{i}/{name}"] == pytest.approx(values[name], rel=1e-12)
    assert numbers["r/worst/load_entropy"] == min(numbers[f"r/layer_0{i}/load_entropy"] for i in range(3))


def test_keys_are_capped_and_that_is_said_once():
    model, sink = Model(layers=5), Kept()
    with RoutingMonitor(model, sink, metrics=["max_vio", "load_entropy"], most=6) as monitor:
        for _ in range(2):
            model(tokens())
            if not sink:
                with pytest.warns(UserWarning, match="6 of 12 numbers are left out: most = 6"):
                    monitor.step()
            else:
                monitor.step()
    names = ["worst/max_vio", "worst/load_entropy", *(f"layer_0{i}/max_vio" for i in range(4))]
    assert [list(numbers) for _, numbers in sink] == [[f"moe/{name}" for name in names]] * 2
    assert monitor.trace().notes == ("6 of 12 numbers are left out: most = 6",)


def test_evaluation_does_not_count_unless_asked():
    model = Model()
    for evaluation, wanted in ((False, [15]), (True, [15, 15])):
        with RoutingMonitor(model, evaluation=evaluation) as monitor:
            model(tokens(seed=1))
            model.eval()
            model(tokens(seed=2))
            model.train()
            monitor.step()
        assert monitor.trace().records[0].tokens.tolist() == wanted


@pytest.mark.parametrize("reentrant", [True, False])
def test_checkpointing_counts_once(reentrant):
    model = Model(reentrant=reentrant)
    with RoutingMonitor(model) as monitor:
        model(tokens()).sum().backward()
        monitor.step()
    assert monitor.trace().records[0].tokens.tolist() == [15]


class TestTrouble:
    """Nothing raises into a training step, also where warnings are errors; it is said once, and in the trace."""

    def steps(self, monitor, model, count=3):
        with monitor:
            for step in range(count):
                model(tokens()).sum().backward()
                monitor.step(step)
        return monitor

    def test_a_sink_that_raises(self):
        seen = []

        def sink(numbers, step):
            seen.append(step)
            raise ConnectionError("no network")

        model = Model()
        monitor = RoutingMonitor(model, sink)
        with pytest.warns(UserWarning, match="step 0: the sink raised ConnectionError: no network") as caught:
            self.steps(monitor, model)
        assert len(caught) == 1
        assert seen == [0, 1, 2]
        assert [note.split(":")[0] for note in monitor.trace().notes] == ["step 0", "step 1", "step 2"]

    def test_a_router_that_cannot_be_read(self):
        """Its window is not reported; the next one is."""
        odd, sink = Odd(), Kept()
        model = nn.Sequential(odd)
        with RoutingMonitor(model, sink, readers={"Odd": read}, metrics=["max_vio"]) as monitor:
            for step, bad in enumerate([False, True, True, False]):
                odd.bad = bad
                if step == 1:
                    with pytest.warns(UserWarning, match="cannot be read"):
                        model(torch.ones(3, 2))
                else:
                    model(torch.ones(3, 2))
                model(torch.ones(3, 2))
                monitor.step(step)
        assert [step for step, _ in sink] == [0, 3]
        assert "cannot be read" in monitor.trace().notes[0]

    def test_a_reader_that_raises(self):
        def broken(module, output):
            raise ZeroDivisionError("mine")

        model = nn.Sequential(Odd())
        with RoutingMonitor(model, Kept(), readers={"Odd": broken}) as monitor:
            with pytest.warns(UserWarning, match="ZeroDivisionError: mine"):
                model(torch.ones(3, 2))
            assert monitor.step() == {}
        with pytest.raises(RuntimeError, match="ZeroDivisionError: mine"):
            monitor.trace()

    def test_where_warnings_are_errors(self):
        def sink(numbers, step):
            raise ValueError

        model = Model()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            self.steps(RoutingMonitor(model, sink), model)

    def test_a_layer_that_is_not_called(self):
        class Short(Model):
            def forward(self, input_ids, attention_mask=None):
                return self.layers[0](self.embedding(input_ids))

        model = Short()
        with pytest.warns(UserWarning, match="2 of 3 routers were never called"):
            self.steps(RoutingMonitor(model, Kept()), model)

    def test_an_interrupt_is_not_swallowed(self):
        def sink(numbers, step):
            raise KeyboardInterrupt

        model = Model()
        with pytest.raises(KeyboardInterrupt):
            self.steps(RoutingMonitor(model, sink), model)
        assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())

    def test_no_step_in_between(self):
        sink = Kept()
        with RoutingMonitor(Model(), sink) as monitor:
            assert monitor.step() == {}
        assert sink == []
        with pytest.raises(RuntimeError, match="nothing was reported yet"):
            monitor.trace()


class Odd(nn.Module):
    bad = False

    def forward(self, x):
        return x


def read(module, output):
    ids = torch.zeros(len(output), 1)
    return Dispatch(2, ids if module.bad else ids.long(), torch.ones(len(output), 1))


@pytest.mark.parametrize(
    "bad",
    [
        {"sink": 3},
        {"every": 0},
        {"metrics": ["no"]},
        {"metrics": []},
        {"most": 2},
        {"sample": -1},
        {"model": nn.Linear(2, 2)},
    ],
)
def test_bad_arguments_are_refused_before_training(bad):
    with pytest.raises(ParameterError, match=f"^{next(iter(bad))}"):
        RoutingMonitor(**{"model": Model(), **bad})


def test_the_model_is_as_before():
    model = Model()
    with RoutingMonitor(model) as monitor:
        model(tokens())
        monitor.step()
    monitor.close()
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


def test_tensorboard_gets_what_was_reported(tmp_path):
    """Written by its own writer, read back by its own reader, in the three lines of the page."""
    pytest.importorskip("tensorboard", reason="tensorboard is not installed: pip install --group test")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from torch.utils.tensorboard import SummaryWriter

    model, kept, batches = Model(), {}, [tokens(seed=i) for i in range(4)]
    with SummaryWriter(str(tmp_path)) as writer:

        def sink(numbers, step):
            kept[step] = numbers
            for name, value in numbers.items():
                writer.add_scalar(name, value, step)

        with RoutingMonitor(model, sink, every=2) as monitor:
            for step, ids in enumerate(batches):
                model(ids)
                monitor.step(step)
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    assert set(events.Tags()["scalars"]) == set(kept[1]) == set(kept[3])
    for name in kept[1]:
        written = {event.step: event.value for event in events.Scalars(name)}
        assert written == pytest.approx({step: numbers[name] for step, numbers in kept.items()}, rel=1e-6)
    wanted = max_vio(model, *batches[2:])
    assert [events.Scalars(f"moe/layer_0{i}/max_vio")[1].value for i in range(3)] == pytest.approx(wanted, rel=1e-6)
