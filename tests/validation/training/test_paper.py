"""The wide residual network against torch's own layers; models of the paper's size, without numbers (meta device)."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from moecusp import ParameterError
from validation.training import objective
from validation.training.layers import Start
from validation.training.losses import Oracle
from validation.training.objective import Setting, Weights
from validation.training.paper import PAPERS
from validation.training.sources import Images
from validation.training.sweep import optimiser
from validation.training.usage import usage
from validation.training.vision import Vision
from validation.training.wide import WideResidual

MODELS, TOKENS = 2, 3


class PlainBlock(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.norms = nn.ModuleList([nn.BatchNorm2d(inputs), nn.BatchNorm2d(outputs)])
        self.first = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.second = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.beside = nn.Conv2d(inputs, outputs, 1, stride, bias=False) if inputs != outputs else None

    def forward(self, x):
        active = self.norms[0](x).relu()
        found = self.second(self.norms[1](self.first(active)).relu())
        return found + (x if self.beside is None else self.beside(active))


def plain(front, m, depth, widen):
    """Return model m of a front in torch's own layers, without its last linear map."""
    sizes = [16, 16 * widen, 32 * widen, 64 * widen]
    blocks = [
        PlainBlock(sizes[g] if n == 0 else sizes[g + 1], sizes[g + 1], 2 if g > 0 and n == 0 else 1)
        for g in range(3)
        for n in range((depth - 4) // 6)
    ]
    made = nn.ModuleDict({
        "first": nn.Conv2d(3, 16, 3, padding=1, bias=False),
        "blocks": nn.Sequential(*blocks),
        "norm": nn.BatchNorm2d(64 * widen),
    })  # fmt: skip
    mine = dict(front.named_parameters())
    for name, parameter in made.named_parameters():
        convolution = parameter.ndim == 4
        known = name if convolution else name.replace(".weight", ".gain").replace(".bias", ".shift")
        parameter.data = mine[known][m].detach().clone()
    return made.double()


@pytest.mark.parametrize("depth", [10, 16])
def test_wide_residual_is_that_of_torchs_layers(depth):
    """Gains and shifts not 1 and 0; in training, then by running moments."""
    start = Start([torch.Generator().manual_seed(n) for n in range(MODELS)], dtype=torch.float64)
    front = WideResidual(3, 5, start, depth=depth, widen=2)
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for name, parameter in front.named_parameters():
            if name.endswith((".gain", ".shift")):
                parameter.add_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64) / 2)
    x = torch.randn(MODELS, TOKENS, 3 * 64, generator=generator, dtype=torch.float64)
    peers = [plain(front, m, depth, 2) for m in range(MODELS)]
    for training in (True, False):
        front.train(training)
        found = front(x)
        for m, peer in enumerate(peers):
            peer.train(training)
            maps = peer["norm"](peer["blocks"](peer["first"](x[m].view(TOKENS, 3, 8, 8)))).relu()
            features = maps.mean((-2, -1)) @ front.last.weight[m] + front.last.bias[m]
            np.testing.assert_allclose(found[m].detach(), features.relu().detach(), rtol=1e-9, atol=1e-12)


def test_testing_leaves_the_moments_of_training():
    """`usage` looks at models by their running moments, and changes none of them."""
    front = WideResidual(1, 4, Start([torch.Generator()]), depth=10, widen=1)
    before = [each.clone() for each in front.buffers()]
    make = Vision(16, 2, PAPERS["cifar-10/8:4:4"].make.tiers, features=4, router=4)
    model = make.build(Start([torch.Generator()]))
    model.encoder = front
    x, labels = torch.randn(6, 16, generator=torch.Generator().manual_seed(0)), torch.zeros(6, dtype=torch.int64)
    usage(model, Images(x, labels, x, labels), Weights.of([Setting()]))
    assert model.training
    assert all(torch.equal(a, b) for a, b in zip(before, front.buffers(), strict=True))


def test_wide_residual_28_10_has_the_published_number_of_weights():
    """36,536,884 with a linear map to 100 classes: 64,100 of them that map's."""
    front = WideResidual(3, 256, Start([torch.Generator()], "meta"))
    assert sum(each.numel() for each in front.parameters()) - (640 + 1) * 256 == 36_536_884 - 64_100


@pytest.mark.parametrize("name", ["tiny-imagenet/8:4:4", "tiny-imagenet/16:8:8", "cifar-10/8:4:4", "language/16:8:8"])
def test_models_of_the_papers_size_take_a_step(name):
    """On the meta device: every shape, the loss with all terms, its gradient, and AdamW; no numbers."""
    paper = PAPERS[name]
    model = paper.make.build(Start([torch.Generator()], "meta"))
    weights = Weights.of([Setting(1.0, 0.3, 0.5, 0.2, 0.05)], "meta")
    descent = optimiser(model, paper.schedule)
    assert sorted(group["lr"] for group in descent.param_groups) == [1e-4, 1e-3]
    if isinstance(paper.make, Vision):
        inputs = torch.empty(1, paper.schedule.batch, paper.make.pixels, device="meta")
        shape = (1, paper.schedule.batch)
    else:
        inputs = torch.empty(1, paper.schedule.batch, paper.make.context, dtype=torch.int64, device="meta")
        shape = (1, paper.schedule.batch * paper.make.context)
    output = model(inputs, weights.temperature)
    labels = torch.empty(shape, dtype=torch.int64, device="meta")
    loss = objective.loss(output, labels, weights, Oracle.BEST)
    loss.sum().backward()
    descent.step()
    experts = sum(map(int, name.partition("/")[2].split(":")))
    assert [each.logp.shape[-1] for each in output.layers] == [experts] * (1 if "language" not in name else 8)
    assert all(parameter.grad is not None for parameter in model.parameters())


@pytest.mark.parametrize("depth", [4, 27])
def test_errors(depth):
    with pytest.raises(ParameterError, match=rf"^depth = {depth}: depth must be 6 n \+ 4"):
        WideResidual(3, 4, Start([torch.Generator()]), depth=depth)
