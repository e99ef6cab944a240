"""Which expert really runs on which slot: an experts module is replayed with the weights of one expert changed.

Nothing here reads what a router says: a slot belongs to expert e if its row of the output changes with e's weights.
"""

import inspect
from contextlib import contextmanager

import numpy as np
import torch

from moecusp.routing.sites import called_with_choices, experts_of

BLOCKS = {
    "Llama4TextMoe": ("experts",),
    "JetMoeMoE": ("",),
    "JetMoeMoA": ("",),
    "DogeCDMoE": ("down_embed", "up_embed"),
}


@contextmanager
def inputs(model):
    """Keep what every module with experts is called with."""
    kept: dict[str, list[list[torch.Tensor]]] = {}
    handles = []
    for name, module in model.named_modules():
        if called_with_choices(module) or type(module).__name__ in BLOCKS:
            kept[name] = []

            def keep(module, arguments, named, name=name):
                if torch._C._current_graph_task_id() == -1:
                    bound = inspect.signature(module.forward).bind(*arguments, **named)
                    values = [v.detach().clone() for v in bound.arguments.values() if isinstance(v, torch.Tensor)]
                    kept[name].append(values)

            handles.append(module.register_forward_pre_hook(keep, with_kwargs=True))
            if type(module).__name__ == "JetMoeMoA":  # it is not called, its method is
                module.map = _watched(module.map, kept[name])
    yield kept
    for handle in handles:
        handle.remove()


def _watched(function, kept):
    def call(layer_input):
        kept.append([layer_input.detach().clone()])
        return function(layer_input)

    return call


@contextmanager
def changed(module, expert, sizes):
    """Change every weight of one expert."""
    own = getattr(module, "_modules", {}).get(f"expert_{expert}")
    parameters = [own.parameters()] if own is not None else []
    flat = type(module).__name__ == "DbrxExperts"  # its experts are one matrix, one below the other
    every = [p.data.view(sizes[0], -1) if flat else p.data for p in module.parameters()]
    stacked = [p for p in every if own is None and p.shape[0] in sizes]
    views = [p.data for group in parameters for p in group] + [p[expert] for p in stacked]
    before = [view.clone() for view in views]
    for view in views:
        view.add_(torch.randn(view.shape, generator=torch.Generator().manual_seed(expert)).to(view.dtype) * 2)
    yield
    for view, old in zip(views, before, strict=True):
        view.copy_(old)


def _rows(run, parts, experts, beyond=0):
    """Return for each row of the output which experts change it, (rows, experts)."""
    before = run()
    found = torch.zeros(before.shape[0], experts, dtype=torch.bool)
    for expert in range(experts):
        with changed(parts, expert, (experts, experts + beyond)):
            found[:, expert] = (run() != before).any(dim=-1)
    return found


@torch.no_grad()
def slots(module, call):
    """Return the expert of every slot, -1 for none, (tokens, k): each slot is replayed alone."""
    hidden, ids, weights = call[:3]
    experts, beyond = experts_of(module)
    weights = weights.reshape(ids.shape[:2])
    columns = []
    for slot in range(ids.shape[1]):
        alone = torch.zeros_like(weights)
        alone[:, slot] = weights[:, slot]

        def run(alone=alone):
            return module(hidden.clone(), ids, alone.reshape(call[2].shape)).reshape(len(ids), -1)

        rows = _rows(run, module, experts, beyond)
        assert int(rows.sum(dim=1).max()) <= 1
        columns.append(torch.where(rows.any(dim=1), rows.int().argmax(dim=1), -1))
    return torch.stack(columns, dim=1)


@torch.no_grad()
def sets(module, call):
    """Return which experts run on each token, (tokens, experts), for blocks that are not called with choices."""
    kind = type(module).__name__
    hidden = call[0]
    if kind == "JetMoeMoA":
        whole = type(module).map

        parts, experts = torch.nn.ModuleList([module.input_linear]), module.num_experts
        return _rows(lambda: whole(module, hidden)[0].flatten(0, 1).flatten(1), parts, experts)
    if kind == "JetMoeMoE":
        parts, experts = torch.nn.ModuleList([module.input_linear]), module.router.num_experts
    elif kind == "DogeCDMoE":
        parts, experts = torch.nn.ModuleList([module.down_embed, module.up_embed]), module.num_experts
    else:
        parts, experts = module.experts, module.num_experts

    def run():
        output = module(hidden.clone())
        output = output[0] if isinstance(output, tuple) else output
        return output.reshape(-1, output.shape[-1])

    return _rows(run, parts, experts)


def agreement(model, kept, trace):
    """Return the number of slots in which a trace that kept all tokens agrees with the truth, and of all slots."""
    same = total = 0
    for name, module in model.named_modules():
        if not kept.get(name):
            continue
        if called_with_choices(module):
            record = trace[name or type(module).__name__]
            true = torch.cat([slots(module, call) for call in kept[name]]).numpy()
            chosen = record.sample.chosen
            if true.shape[1] > chosen.shape[1]:  # called with more slots than run: those that do, in no order
                true = np.sort(true, axis=1)[:, ::-1]
                assert (true[:, chosen.shape[1] :] == -1).all()
                true, chosen = true[:, : chosen.shape[1]], np.sort(chosen, axis=1)[:, ::-1]
            assert chosen.shape == true.shape, (name, chosen.shape, true.shape)
            same += int((chosen == true).sum())
            total += true.size
        else:
            record = next(r for r in trace if r.site.name == name or r.site.name.startswith(f"{name}."))
            true = torch.cat([sets(module, call) for call in kept[name]]).numpy()
            chosen = torch.as_tensor(record.sample.chosen.copy())
            mine = torch.zeros(true.shape[0], true.shape[1] + 1, dtype=torch.bool)
            mine.scatter_(1, torch.where(chosen < 0, true.shape[1], chosen), True)
            same += int(chosen.numel() - (mine[:, :-1].numpy() ^ true).sum())
            total += chosen.numel()
    return same, total
