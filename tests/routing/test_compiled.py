"""Code that inductor made, recorded before, while and after it is made; on processors it needs a compiler."""

import shutil
from typing import Any

import pytest
import torch

from moecusp.routing import record
from tests.routing.own import Model, tokens
from tests.routing.test_recorder import counts, recorded

COMPILER = next((name for name in ("g++", "clang++") if shutil.which(name)), None)
pytestmark = [
    pytest.mark.skipif(COMPILER is None, reason="inductor needs g++ or clang++, and neither is here"),
    pytest.mark.filterwarnings("ignore"),  # torch's own
]


@pytest.fixture(autouse=True)
def compiles(monkeypatch):
    """Compile in this process, and see that there was something to compile."""
    monkeypatch.setattr("torch._inductor.config.compile_threads", 1)
    torch._dynamo.reset()
    counters = torch._dynamo.utils.counters
    counters.clear()
    yield
    assert counters["stats"]["unique_graphs"] > 0
    assert counters["inductor"]
    torch._dynamo.reset()


def test_compiled_before_and_while_it_is_recorded_and_after():
    model, ids = Model(layers=1), tokens()
    wanted = counts(model, ids)
    compiled: Any = torch.compile(model, backend="inductor")
    with torch.no_grad():
        plain = compiled(ids)
    with record(compiled) as before:
        watched = compiled(ids)
        watched.sum().backward()
    with record(model) as after:
        model.compile(backend="inductor")
        model(ids).sum().backward()
    with torch.no_grad():
        again = compiled(ids)
    assert recorded(before.trace()) == recorded(after.trace()) == wanted
    torch.testing.assert_close(plain, watched)
    assert torch.equal(plain, again)
    assert all(parameter.grad is not None for parameter in model.layers.parameters())
