"""Classifiers of images: a front, then one mixture whose experts each name the class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn

from moecusp import ParameterError
from validation.training.fronts import Convolutional, Perceptron
from validation.training.layers import Start
from validation.training.losses import Gate
from validation.training.moe import Forced, Mixture, Tiers
from validation.training.objective import Output
from validation.training.wide import WideResidual


@dataclass(frozen=True)
class Vision:
    """The make of an image classifier.

    Attributes
    ----------
    pixels, classes : int
        Numbers in an image, channel by channel, and its possible labels.
    tiers : Tiers
        Its experts.
    features, router : int
        What the front makes of an image, and the hidden units of the router.
    k : int
        Experts a token goes to.
    gate : Gate
        How their outputs are weighted.
    front : {"perceptron", "convolutional", "wide"}
        From pixels to features; "wide" is the wide residual network of depth 28 and width 10.
    channels, width : int
        Colours of an image; channels of the first convolution of the convolutional front.
    forced : Forced, optional
        Experts that start dead.
    """

    pixels: int
    classes: int
    tiers: Tiers
    features: int = 32
    router: int = 32
    k: int = 2
    gate: Gate = Gate.RENORMALISED
    front: Literal["perceptron", "convolutional", "wide"] = "perceptron"
    channels: int = 1
    width: int = 8
    forced: Forced | None = None

    def build(self, start: Start) -> Classifier:
        """Return as many models as start has generators.

        Raises
        ------
        ParameterError
            If the front is unknown, k is not from 1 to the number of experts, or an expert to start dead is not there.
        """
        made = Classifier(self, start)
        if self.forced is not None:
            self.forced.upon(made.mixture.router)
        return made


def _front(make: Vision, start: Start) -> nn.Module:
    if make.front == "perceptron":
        return Perceptron(make.pixels, make.features, start)
    if make.front == "convolutional":
        return Convolutional(make.channels, make.width, make.features, start)
    if make.front == "wide":
        return WideResidual(make.channels, make.features, start)
    raise ParameterError("front", make.front, "'perceptron', 'convolutional' or 'wide'")


class Classifier(nn.Module):
    """Many classifiers side by side."""

    def __init__(self, make: Vision, start: Start) -> None:
        super().__init__()
        self.encoder = _front(make, start)
        self.mixture = Mixture(make.features, make.router, make.tiers, make.classes, make.k, make.gate, start)

    def forward(self, inputs: Tensor, temperature: Tensor) -> Output:
        """Map images (models, tokens, pixels), routed at temperatures (models,), to class scores and routing."""
        scores, routing = self.mixture(self.encoder(inputs), temperature, own)
        return Output(scores, (routing,))


def own(alone: Tensor, labels: Tensor) -> Tensor:
    """Return the cross-entropy of every expert's own class scores (models, experts, classes, tokens)."""
    index = labels[:, None, None].expand(-1, alone.shape[1], 1, -1)
    return -alone.log_softmax(2).gather(2, index).squeeze(2).transpose(1, 2)
