"""A monitor in a real Trainer of transformers, and in a stand-in for Lightning's hooks (Lightning is not installed)."""

import sys
import types

import pytest
import torch

pytest.importorskip("transformers")
pytest.importorskip("accelerate", reason="the Trainer of transformers needs accelerate: pip install --group test")

from transformers import Trainer, TrainerCallback, TrainingArguments

from moecusp import ParameterError
from moecusp.routing import RoutingMonitor, record
from tests.routing import families
from tests.routing.own import Model, tokens

pytestmark = pytest.mark.filterwarnings("ignore")  # transformers' own


class Seen(TrainerCallback):
    """What a logger is shown."""

    def __init__(self):
        self.logs = []

    def on_log(self, args, state, control, logs=None, **_):
        self.logs.append((state.global_step, dict(logs)))


def trainer(folder, model, before=(), **more):
    data = [{"input_ids": row, "labels": row} for row in families.tokens(rows=12, length=8)]
    arguments = TrainingArguments(
        str(folder), max_steps=4, per_device_train_batch_size=2, logging_steps=2, save_strategy="no", use_cpu=True,
        disable_tqdm=True, seed=0, **{"report_to": "none", **more}
    )  # fmt: skip
    return Trainer(model, arguments, train_dataset=data, eval_dataset=data[:3], callbacks=list(before))


@pytest.mark.parametrize("order", ["logger first", "logger last"])
def test_loggers_get_the_numbers_in_whatever_order(tmp_path, order):
    seen, model = Seen(), families.build("mixtral")
    made = trainer(tmp_path, model, [seen] if order == "logger first" else [])
    monitor = RoutingMonitor(model, metrics=["max_vio"]).attach(made)
    if order == "logger last":
        made.add_callback(seen)
    made.train()
    logged = [(step, logs) for step, logs in seen.logs if "loss" in logs]
    assert [step for step, _ in logged] == [2, 4]
    names = {"moe/worst/max_vio", "moe/layer_00/max_vio", "moe/layer_01/max_vio"}
    assert all(names <= set(logs) for _, logs in logged)
    assert names <= set(made.state.log_history[0])
    (last,) = [logs for _, logs in seen.logs if "train_runtime" in logs]
    assert not names & set(last)
    assert monitor.trace().records[0].tokens.tolist() == [16, 16]
    assert not any(m._forward_pre_hooks for m in model.modules())


def test_the_trap_a_callback_alone_comes_too_late(tmp_path):
    """What a callback adds to the log it is shown does not reach those before it."""

    class Adding(TrainerCallback):
        def on_log(self, args, state, control, logs=None, **_):
            logs["mine"] = 1.0

    first, last = Seen(), Seen()
    made = trainer(tmp_path, families.build("mixtral"), [first, Adding(), last])
    made.train()
    assert ["mine" in logs for _, logs in (first.logs[0], last.logs[0])] == [False, True]


def test_numbers_are_of_training_alone(tmp_path):
    """Evaluation between two logs does not count; its own logs have no numbers of routing."""
    seen, model, sunk = Seen(), families.build("mixtral"), []
    made = trainer(tmp_path, model, [seen], eval_strategy="steps", eval_steps=1)
    monitor = RoutingMonitor(model, lambda numbers, step: sunk.append(step)).attach(made)
    made.train()
    assert monitor.trace().records[0].tokens.sum() == 2 * 2 * 8
    assert sunk == [2, 4]
    assert not any(name.startswith("moe/") for _, logs in seen.logs if "eval_loss" in logs for name in logs)


def test_numbers_are_the_loads_of_the_batches(tmp_path):
    """With no learning the model stays, so that the batches can be run again."""
    model, batches = families.build("mixtral"), []
    made = trainer(tmp_path, model, learning_rate=0.0)
    kept = made.training_step

    def training_step(model, inputs, *rest):
        batches.append(inputs["input_ids"])
        return kept(model, inputs, *rest)

    made.training_step = training_step
    RoutingMonitor(model, metrics=["max_vio"]).attach(made)
    made.train()
    for log, group in zip(made.state.log_history, (batches[:2], batches[2:]), strict=False):
        with record(model) as recorder, torch.no_grad():
            model(torch.cat(group))
        for i, each in enumerate(recorder.trace()):
            counts = each.counts[0]
            assert log[f"moe/layer_0{i}/max_vio"] == pytest.approx(counts.max() / counts.mean() - 1, rel=1e-12)


def test_tensorboard_of_the_trainer(tmp_path, monkeypatch):
    """The trainer's own TensorBoard callback, registered before ours, read back."""
    pytest.importorskip("tensorboard", reason="tensorboard is not installed: pip install --group test")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    monkeypatch.setenv("TENSORBOARD_LOGGING_DIR", str(tmp_path / "board"))
    model = families.build("mixtral")
    made = trainer(tmp_path, model, report_to="tensorboard")
    RoutingMonitor(model, metrics=["max_vio"]).attach(made)
    made.train()
    events = EventAccumulator(str(tmp_path / "board"))
    events.Reload()
    written = events.Scalars("train/moe/layer_01/max_vio")
    assert [event.step for event in written] == [2, 4]
    logged = [log["moe/layer_01/max_vio"] for log in made.state.log_history if "loss" in log]
    assert [event.value for event in written] == pytest.approx(logged, rel=1e-6)


def test_what_is_no_trainer():
    with pytest.raises(ParameterError, match=r"^trainer = 'Model'"):
        RoutingMonitor(Model()).attach(Model())


class Lightning:
    """What a Trainer of Lightning does with a callback, as its protocol of hooks says: every hook by name, in order."""

    def __init__(self, callback, accumulate=1):
        self.callback, self.accumulate, self.global_step = callback, accumulate, 0

    def call(self, name, *arguments):
        hook = getattr(self.callback, name, None)
        if hook is not None:
            hook(self, *arguments)

    def fit(self, module, batches):
        self.call("on_train_start", module)
        try:
            for i, batch in enumerate(batches):
                self.call("on_train_batch_start", module, batch, i)
                loss = module(batch).sum()
                loss.backward()
                self.global_step = (i + 1) // self.accumulate
                self.call("on_train_batch_end", module, {"loss": loss}, batch, i)
        except Exception as error:
            self.call("on_exception", module, error)
            raise
        self.call("on_train_end", module)


class Module(Model):
    def __init__(self):
        super().__init__()
        self.logged = []

    def log_dict(self, numbers):
        self.logged.append(numbers)


class TestLightning:
    @pytest.mark.parametrize("accumulate", [1, 2])
    def test_hooks(self, accumulate):
        module, sunk = Module(), []
        monitor = RoutingMonitor(module, lambda numbers, step: sunk.append(step), every=2, metrics=["max_vio"])
        Lightning(monitor.lightning(), accumulate).fit(module, [tokens(seed=i) for i in range(8)])
        assert sunk == list(range(2, 8 // accumulate + 1, 2))
        assert len(module.logged) == len(sunk)
        assert "moe/layer_02/max_vio" in module.logged[0]
        assert monitor.trace().records[0].tokens.tolist() == [15] * 2 * accumulate
        assert not any(m._forward_pre_hooks for m in module.modules())

    def test_an_exception_in_training_detaches(self):
        module = Module()
        with pytest.raises(IndexError):
            Lightning(RoutingMonitor(module).lightning()).fit(module, [torch.tensor([[99]])])
        assert not any(m._forward_pre_hooks for m in module.modules())

    def test_the_class_of_lightning_is_its_base_if_there_is_one(self, monkeypatch):
        package, part = types.ModuleType("lightning"), types.SimpleNamespace(Callback=type("Callback", (), {}))
        monkeypatch.setitem(sys.modules, "lightning", package)
        monkeypatch.setitem(sys.modules, "lightning.pytorch", part)
        assert isinstance(RoutingMonitor(Module()).lightning(), part.Callback)
