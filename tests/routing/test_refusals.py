"""What is refused is said in full: the argument, its value and what is allowed, word for word."""

import re

import pytest
import torch
from torch import nn

import moecusp as mc
from moecusp.routing import Dispatch, ReinforcedRouter, load, margins, record
from moecusp.routing.adapters import HOW
from moecusp.routing.sites import experts_of
from tests.routing.own import Model, tokens

INF, NAN = float("inf"), float("nan")
ONE = mc.RouterParameters(1.0)
REAL = "real, or -inf for an expert that cannot be chosen"


def router(parameters=ONE, **more):
    return ReinforcedRouter(parameters, **({"increment": 0.1} | more))


def spoilt(it, value):
    it.scores[0] = value
    return it


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: ReinforcedRouter(3.0, increment=0.1), "parameters = 3.0: a moecusp.RouterParameters"),  # type: ignore[arg-type]
        (lambda: router(selection="top2"), "selection = 'top2': 'soft' or 'hard'"),
        (
            lambda: router(dtype=torch.int64),
            "dtype = torch.int64: a floating-point type of torch, such as torch.float32",
        ),
        (lambda: router(dtype="float32"), "dtype = 'float32': a floating-point type of torch, such as torch.float32"),
        (lambda: router(device="no"), "device = 'no': a device that torch finds on this machine, such as 'cpu'"),
        (lambda: router(increment=0.0), "increment = 0.0: finite and real and > 0"),
        (lambda: router(increment=2.0), "increment = 2.0: below 2/decay, where the decay overshoots without bound"),
        (
            lambda: router(increment=3e-5),
            "increment = 3e-05: at least 3.05176e-05/decay in float32, which rounds smaller steps away: pass "
            "dtype=torch.float64",
        ),
        (
            lambda: router(mc.RouterParameters([1.0, 1e39])),
            "feedback = 1e+39: between 1.2e-38 and 3.4e+38 in size for dtype = torch.float32",
        ),
        (
            lambda: router(mc.RouterParameters(1.0, 1.0, 1e-60)),
            "inverse_temperature = 1e-60: between 1.2e-38 and 3.4e+38 in size for dtype = torch.float32",
        ),
        (
            lambda: router(mc.RouterParameters(1.0, asymmetry=-1e39)),
            "asymmetry = -1e+39: between 1.2e-38 and 3.4e+38 in size for dtype = torch.float32",
        ),
        (lambda: router()(torch.zeros(4, 2), 3), "generator = 3: a torch.Generator on the logits' device, or None"),
        (lambda: router()([0.0]), f"logits = [0.0]: {REAL}, in a torch tensor: torch.as_tensor(logits)"),
        (lambda: router()(torch.zeros(1, 2).bool()), f"logits = tensor([[False, False]]): {REAL}"),
        (lambda: router()(torch.zeros(1, 2, dtype=torch.complex64)), f"logits = tensor([[0.+0.j, 0.+0.j]]): {REAL}"),
        (lambda: router()(torch.zeros(2)), "logits = (2,): of shape (..., tokens >= 1, 2 experts)"),
        (lambda: router()(torch.zeros(4, 3)), "logits = (4, 3): of shape (..., tokens >= 1, 2 experts)"),
        (lambda: router()(torch.zeros(0, 2)), "logits = (0, 2): of shape (..., tokens >= 1, 2 experts)"),
        (lambda: router()(torch.zeros(5, 4, 2)), "logits = (5, 4, 2): of a leading shape that broadcasts to ()"),
        (
            lambda: router(mc.RouterParameters([1.0, 2.0]))(torch.zeros(3, 4, 2)),
            "logits = (3, 4, 2): of a leading shape that broadcasts to (2,)",
        ),
        (lambda: router()(torch.tensor([[0.0, 0.0], [1.0, NAN]])), f"logits[1, 1] = nan: {REAL}"),
        (
            lambda: router()(torch.tensor([[0.0, 0.0], [-INF, -INF]])),
            "logits[1] = '-inf for every expert': above -inf for one expert at least",
        ),
        (
            lambda: spoilt(router(), NAN)(torch.zeros(1, 2)),
            "scores = tensor([nan, 0.]): finite: they were written to from outside",
        ),
        (lambda: load([0], 2), "chosen = [0]: a tensor of integers"),  # type: ignore[arg-type]
        (lambda: load(torch.zeros(1), 2), "chosen = tensor([0.]): a tensor of integers"),
        (lambda: load(torch.zeros(1, dtype=torch.int64), 1), "experts = 1: an integer >= 2"),
        (lambda: margins([0.0, 1.0]), f"logits = [0.0, 1.0]: {REAL}, in a torch tensor: torch.as_tensor(logits)"),  # type: ignore[arg-type]
        (lambda: margins(torch.zeros(3)), "logits = (3,): of shape (..., 2 experts)"),
        (lambda: margins(torch.zeros(())), "logits = (): of shape (..., 2 experts)"),
        (lambda: record(3), "model = 3: a torch.nn.Module"),  # type: ignore[arg-type]
        (lambda: record(Model(), sites=3), "sites = 3: a regular expression"),  # type: ignore[arg-type]
        (lambda: record(Model(), sample=-1), "sample = -1: an integer >= 0"),
        (lambda: record(Model(), batches=1), "batches = 1: an integer >= 2"),
        (lambda: record(Model(), seed=-1), "seed = -1: an integer >= 0"),
        (
            lambda: record(Model(layers=4), sites="encoder"),
            "model = 'Model': one with sites whose path holds 'encoder', such as ['layers.0.experts', "
            "'layers.1.experts', 'layers.2.experts']",
        ),
        (lambda: record(nn.ReLU()), f"model = 'ReLU': one with routers; if it has, {HOW}"),
        (
            lambda: record(nn.ModuleDict({"a": Model(), "experts": nn.ReLU()})["experts"]),
            f"model = 'ReLU': one with routers; if it has, {HOW}",
        ),
        (
            lambda: record(nn.ModuleDict({"a": nn.ModuleDict({"experts": nn.ReLU()}), "b": Model()})),
            f"model = 'a.experts (ReLU)': readable at each router: this one is not; {HOW}",
        ),
        (lambda: experts_of(nn.ReLU()), f"experts = 'ReLU': a module with num_experts; or {HOW}"),
    ],
)
def test_of_arguments(call, said):
    with pytest.raises(mc.ParameterError) as error:
        call()
    shown, _, allowed = said.partition(": ")
    assert str(error.value) == f"{shown}: {error.value.name} must be {allowed}"
    assert shown.startswith(f"{error.value.name} = ")


def test_how_to_write_a_reader():
    """It runs as it stands, but for the words in it."""
    assert HOW == (
        "write a reader, three lines, for the class of the module that chooses the experts:\n"
        "    def read(module, output):\n"
        "        scores, weights, ids = output                                    # whatever it returns\n"
        "        return Dispatch(module.num_experts, ids, weights, scores)        # moecusp.routing.Dispatch\n"
        '    with record(model, readers={"ItsClass": read}) as recorder: ...'
    )


@pytest.mark.parametrize(
    ("dispatch", "said"),
    [
        (Dispatch(4, torch.ones(3, 2), torch.ones(3, 2)), "ids of type torch.float32 and shape (3, 2)"),
        (
            Dispatch(4, torch.ones(3, 2, dtype=torch.complex64), torch.ones(3, 2)),
            "ids of type torch.complex64 and shape (3, 2)",
        ),
        (Dispatch(4, torch.ones(6).long(), torch.ones(6)), "ids of type torch.int64 and shape (6,)"),
        (Dispatch(4, torch.ones(1, 1, 1, 1).long(), torch.ones(1)), "ids of type torch.int64 and shape (1, 1, 1, 1)"),
        (Dispatch(4, torch.ones(3, 1, 5).long(), torch.ones(3)), "a mask of shape (3, 1, 5) for 4 experts"),
        (
            Dispatch(4, torch.ones(3, 1, 4).long(), torch.ones(3), beyond=2),
            "a mask of shape (3, 1, 4) for 6 experts",
        ),
        (Dispatch(4, torch.ones(3, 2).long(), torch.ones(3)), "weights of shape (3,) for ids of shape (3, 2)"),
        (
            Dispatch(4, torch.ones(3, 2, 4).bool(), torch.ones(3)),
            "weights of shape (3,) for ids of shape (3, 2, 4)",
        ),
        (Dispatch(4, torch.ones(3, 2).int(), torch.ones(6)), ""),
        (Dispatch(4, torch.ones(3, 1, 6).bool(), torch.ones(3, 1), beyond=2), ""),
    ],
)
def test_of_slots(dispatch, said):
    assert dispatch.problem == said


class Fixed(nn.Module):
    """Returns the dispatch that it is given."""

    def forward(self, x):
        return x


def test_while_recording():
    first = Dispatch(4, torch.zeros(3, 1).long(), torch.ones(3, 1))
    wrong = {
        "0 cannot be read: ids of type torch.float32 and shape (3, 1)": Dispatch(4, torch.ones(3, 1), torch.ones(3, 1)),
        "0: (experts, k) was (4, 1) and is now (5, 1)": Dispatch(5, first.ids, first.weights),
        "0: (experts, k) was (4, 1) and is now (4, 3)": Dispatch(4, torch.zeros(1, 3).long(), torch.ones(1, 3)),
    }
    model = nn.Sequential(Fixed())
    for said, other in wrong.items():
        with record(model, readers={"Fixed": lambda module, output: output}) as recorder:
            model(first)
            with pytest.raises(RuntimeError, match=f"^{re.escape(said)}$"):
                model(other)
        recorder.trace()
    crowded = Dispatch(4, torch.ones(3, 1, 4).long(), torch.ones(3, 1))
    with record(model, readers={"Fixed": lambda module, output: output}) as recorder:
        model(crowded)
        model(crowded)
    with pytest.raises(RuntimeError, match=r"^0: 6 slots of its mask name several experts$"):
        recorder.trace()
    with recorder, pytest.raises(mc.ParameterError) as error:
        recorder.__enter__()
    assert str(error.value) == "recorder = 'attached': recorder must be entered once at a time"


def test_of_routers_that_were_not_called():
    with record(model := Model()) as recorder:
        pass
    with pytest.raises(RuntimeError) as error:
        recorder.trace()
    assert str(error.value) == (
        "no router was called (3 are watched, such as 'layers.0.experts'): the model did not run while it was "
        "recorded, or compiled code or a fused kernel ran in its place"
    )
    model.layers[1].forward = model.layers[2].forward = lambda hidden: hidden
    with record(model) as recorder:
        model(tokens())
    with pytest.raises(RuntimeError) as error:
        recorder.trace()
    assert str(error.value) == (
        "2 of 3 routers were never called, such as 'layers.1.experts': compiled code or a fused kernel ran in their "
        "place, or the model did without; to leave them out: record(model, sites=...)"
    )
