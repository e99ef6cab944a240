"""Routers, and what is recorded of them, in PyTorch (the extra ``torch``)."""

from moecusp.routing.capture import margins
from moecusp.routing.reinforced import ReinforcedRouter, load

__all__ = ["ReinforcedRouter", "load", "margins"]
