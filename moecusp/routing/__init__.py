"""Routers, and what is recorded of them, in PyTorch (the extra ``torch``)."""

try:
    import torch as _torch  # noqa: F401
except ImportError as error:
    raise ImportError("moecusp.routing needs PyTorch: pip install 'moecusp[torch]'") from error

from moecusp.routing.adapters import reader
from moecusp.routing.capture import margins
from moecusp.routing.checkpoints import open_model, open_tokenizer
from moecusp.routing.dispatch import Dispatch
from moecusp.routing.doctor import doctor
from moecusp.routing.monitor import RoutingMonitor
from moecusp.routing.recorder import Recorder, record
from moecusp.routing.reinforced import ReinforcedRouter, load
from moecusp.routing.stream import Stream
from moecusp.routing.texts import trace_text

__all__ = [
    "Dispatch",
    "Recorder",
    "ReinforcedRouter",
    "RoutingMonitor",
    "Stream",
    "doctor",
    "load",
    "margins",
    "open_model",
    "open_tokenizer",
    "reader",
    "record",
    "trace_text",
]
