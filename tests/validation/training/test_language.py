"""The byte-level transformer: causal, its attention torch's own, and what an expert alone would lose."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from moecusp import ParameterError
from validation.training.language import Attention, Language
from validation.training.layers import Start
from validation.training.losses import Gate
from validation.training.moe import Tiers
from validation.training.sources import Text

MODELS, WINDOWS, CONTEXT = 2, 3, 6
MAKE = Language(Tiers((2, 2), (4, 8)), context=CONTEXT, width=8, router=5, symbols=11)
T = torch.tensor([0.5, 2.0], dtype=torch.float64)


def build(make=MAKE):
    return make.build(Start([torch.Generator().manual_seed(seed) for seed in range(MODELS)], dtype=torch.float64))


@pytest.fixture(name="inputs")
def _inputs():
    return torch.randint(11, (MODELS, WINDOWS, CONTEXT), generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("gate", list(Gate))
@pytest.mark.parametrize("place", range(CONTEXT))
def test_a_later_byte_changes_nothing_before_it(inputs, place, gate):
    """Neither scores nor routing of earlier bytes, to the bit; its own and those of its model and window alone."""
    model = build(Language(MAKE.tiers, CONTEXT, width=8, router=5, symbols=11, gate=gate))
    changed = inputs.clone()
    changed[1, 2, place] = (changed[1, 2, place] + 1) % 11
    with torch.no_grad():
        before, after = model(inputs, T), model(changed, T)
    seen = [(before.scores, after.scores)]
    seen += [(a.logp, b.logp) for a, b in zip(before.layers, after.layers, strict=True)]
    for a, b in seen:
        differ = (a != b).any(-1).view(MODELS, WINDOWS, CONTEXT)
        assert differ[1, 2, place:].all()
        differ[1, 2, place:] = False
        assert not differ.any()


def test_attention_is_torchs_own():
    layer = Attention(8, 2, Start([torch.Generator().manual_seed(seed) for seed in range(MODELS)], dtype=torch.float64))
    x = torch.randn(MODELS, WINDOWS * CONTEXT, 8, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    mask = nn.Transformer.generate_square_subsequent_mask(CONTEXT, dtype=torch.float64)
    for m in range(MODELS):
        made = nn.MultiheadAttention(8, 2, batch_first=True, dtype=torch.float64)
        made.load_state_dict({
            "in_proj_weight": layer.inwards.weight[m].T, "in_proj_bias": layer.inwards.bias[m, 0],
            "out_proj.weight": layer.outwards.weight[m].T, "out_proj.bias": layer.outwards.bias[m, 0],
        })  # fmt: skip
        windows = x[m].view(WINDOWS, CONTEXT, 8)
        expected, _ = made(windows, windows, windows, attn_mask=mask, is_causal=True)
        np.testing.assert_allclose(
            layer(x, CONTEXT)[m].detach(), expected.detach().flatten(0, 1), rtol=1e-12, atol=1e-14
        )


def test_the_loss_of_an_expert_alone_is_read_after_its_layer(inputs):
    """In the last layer: what the model would lose if every token went to that expert, with weight 1."""
    model = build(Language(MAKE.tiers, CONTEXT, layers=1, width=8, router=5, symbols=11, k=1))
    labels = torch.randint(11, (MODELS, WINDOWS * CONTEXT), generator=torch.Generator().manual_seed(3))
    own = model(inputs, T).layers[0].own(labels)
    for e in range(4):
        with torch.no_grad():
            model.blocks[0].mixture.router.last.bias.copy_(1e4 * (torch.arange(4) == e))
            scores = model(inputs, T).scores
        expected = functional.cross_entropy(scores.flatten(0, 1), labels.flatten(), reduction="none")
        np.testing.assert_allclose(own[..., e].flatten(), expected, rtol=1e-12)
    assert not own.requires_grad


def test_text_is_cut_into_windows_and_the_bytes_after():
    text = Text(torch.arange(20) % 11, torch.arange(100, 110), 4)
    inputs, labels = text.batch(torch.tensor([[0, 3]]))
    assert inputs.tolist() == [[[0, 1, 2, 3], [3, 4, 5, 6]]]
    assert labels.tolist() == [[1, 2, 3, 4, 4, 5, 6, 7]]
    assert text.items == 16
    held = [(inputs.tolist(), labels.tolist()) for inputs, labels in text.held_out(1, 4)]
    assert held == [
        ([[[100, 101, 102, 103]]], [[101, 102, 103, 104]]),
        ([[[104, 105, 106, 107]]], [[105, 106, 107, 108]]),
    ]


def test_unigram_is_the_entropy_of_frequencies():
    """Two bytes, three to one, 256 pseudo-counts: by hand."""
    text = Text(torch.tensor([0] * 300 + [1] * 100), torch.tensor([0, 0, 1, 5]), 2)
    expected = -(2 * np.log(301 / 656) + np.log(101 / 656) + np.log(1 / 656)) / 4
    assert text.unigram == pytest.approx(expected, rel=1e-6)


class TestErrors:
    def test_heads(self):
        with pytest.raises(ParameterError, match=r"^heads = 3: heads must be a divisor of the width, 8"):
            build(Language(MAKE.tiers, heads=3, width=8))

    def test_context(self, inputs):
        with pytest.raises(ParameterError, match=r"^context = 12: context must be at most 6"):
            build()(torch.cat([inputs, inputs], -1), T)

    @pytest.mark.parametrize("part", ["train", "test"])
    def test_text(self, part):
        parts = {"train": torch.zeros(9), "test": torch.zeros(9)} | {part: torch.zeros(4)}
        with pytest.raises(ParameterError, match=rf"^len\({part}\) = 4"):
            Text(parts["train"], parts["test"], 4)
