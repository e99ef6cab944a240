"""When a hook counts: once for each token, whatever autograd runs again and whatever is compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import torch
from torch import nn

Hook = TypeVar("Hook", bound=Callable[..., None])


def outside(hook: Hook) -> Hook:
    """Keep a hook out of compiled code, which would run it once and never again."""
    return cast(Hook, torch.compiler.disable(hook))  # type: ignore[no-untyped-call]


def again() -> bool:
    """Whether autograd is at work: what runs now is a recomputation of what was counted before."""
    return torch._C._current_graph_task_id() != -1


def forget_compiled(model: nn.Module) -> None:
    """Have compiled parts compiled anew: they hold on to the hooks that they were compiled with."""
    compiled = any(
        getattr(module, "_compiled_call_impl", None) is not None or hasattr(module, "_orig_mod")
        for module in model.modules()
    )
    if compiled:
        torch._dynamo.reset()
