"""A small mixture of experts of our own, called as those of transformers are; it needs torch alone."""

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

EXPERTS, K, WIDTH = 4, 2, 8


class Experts(nn.Module):
    def __init__(self):
        super().__init__()
        self.num_experts = EXPERTS
        self.weight = nn.Parameter(torch.randn(EXPERTS, WIDTH, WIDTH))

    def forward(self, hidden_states, top_k_index, top_k_weights):
        each = torch.einsum("th,tkhi->tki", hidden_states, self.weight[top_k_index.clamp(0, EXPERTS - 1)])
        return (each * top_k_weights[..., None]).sum(dim=1)


class Gate(nn.Module):
    def __init__(self):
        super().__init__()
        self.line = nn.Linear(WIDTH, EXPERTS)
        self.register_buffer("e_score_correction_bias", torch.tensor([0.0, 0.5, 0.0, -0.5]))

    def forward(self, hidden_states):
        logits = self.line(hidden_states)
        ids = (logits + self.e_score_correction_bias).topk(K, dim=-1).indices
        return logits, logits.softmax(-1).gather(1, ids), ids


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.gate, self.experts = Gate(), Experts()

    def forward(self, hidden_states):
        flat = hidden_states.reshape(-1, WIDTH)
        _, weights, ids = self.gate(flat)
        return hidden_states + torch.tanh(self.experts(flat, ids, weights).reshape(hidden_states.shape))


class Model(nn.Module):
    """Twelve tokens wide at most; with `reentrant` not None its layers are checkpointed."""

    def __init__(self, layers=3, reentrant=None, seed=0):
        super().__init__()
        torch.manual_seed(seed)
        self.embedding = nn.Embedding(50, WIDTH)
        self.layers = nn.ModuleList([Block() for _ in range(layers)])
        self.reentrant = reentrant

    def forward(self, input_ids, attention_mask=None):
        hidden = self.embedding(input_ids)
        for layer in self.layers:
            if self.reentrant is None:
                hidden = layer(hidden)
            else:
                hidden = checkpoint(layer, hidden, use_reentrant=self.reentrant)
        return hidden


def tokens(rows=3, length=5, seed=1):
    return torch.randint(0, 50, (rows, length), generator=torch.Generator().manual_seed(seed))


def choices(model, ids):
    """Return the experts that each layer's gate chooses, found by running the layers by hand."""
    hidden, found = model.embedding(ids), []
    with torch.no_grad():
        for layer in model.layers:
            found.append(layer.gate(hidden.reshape(-1, WIDTH))[2])
            hidden = layer(hidden)
    return found


class Called(nn.Module):
    """What models of tokens are called with."""

    def forward(self, input_ids=None, attention_mask=None, inputs_embeds=None):
        raise NotImplementedError


class Plain(nn.Module):
    """What models of no tokens are called with."""

    def forward(self, x, attention_mask=None):
        raise NotImplementedError
