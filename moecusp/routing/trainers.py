"""A monitor in the trainers of others: transformers, and Lightning by what it calls its callbacks with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moecusp._arguments import ParameterError

if TYPE_CHECKING:
    from moecusp.routing.monitor import RoutingMonitor


def attach(monitor: RoutingMonitor, trainer: Any) -> None:
    """Add a monitor's numbers to the training logs of a Trainer of transformers: see `RoutingMonitor.attach`.

    A callback that adds them to the log it is shown comes too late: the trainer shows it to its loggers first, since
    these were registered before any callback of the user.
    """
    if not all(callable(getattr(trainer, name, None)) for name in ("log", "add_callback")):
        raise ParameterError("trainer", type(trainer).__name__, "a Trainer of transformers")
    from transformers import TrainerCallback

    class Callback(TrainerCallback):
        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            monitor.start()

        def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            monitor.close()

    log = trainer.log

    def logged(logs: dict[str, float], *arguments: Any, **named: Any) -> Any:
        if "loss" in logs:  # of training: those of evaluation, and the last one, have others
            for name, value in monitor.report(trainer.state.global_step).items():
                logs.setdefault(name, value)
        return log(logs, *arguments, **named)

    trainer.log = logged
    trainer.add_callback(Callback())


def lightning(monitor: RoutingMonitor) -> Any:
    """Return a callback for Lightning: see `RoutingMonitor.lightning`."""

    class Callback(_base()):  # type: ignore[misc]
        def __init__(self) -> None:
            self.step = 0

        def on_train_start(self, trainer: Any, pl_module: Any) -> None:
            self.step = trainer.global_step
            monitor.start()

        def on_train_batch_end(self, trainer: Any, pl_module: Any, *_: Any, **__: Any) -> None:
            if trainer.global_step != self.step:  # else gradients are being accumulated
                self.step = trainer.global_step
                if numbers := monitor.step(self.step):
                    pl_module.log_dict(numbers)

        def on_train_end(self, trainer: Any, pl_module: Any) -> None:
            monitor.close()

        def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
            monitor.close()

    return Callback()


def _base() -> type:
    """Return the class of Lightning's callbacks, under either name of the package; object where there is neither."""
    for name in ("lightning.pytorch", "pytorch_lightning"):
        try:
            return __import__(name, fromlist=["Callback"]).Callback  # type: ignore[no-any-return]
        except ImportError:
            continue
    return object
