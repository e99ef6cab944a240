"""The diagnosis of a snapshot: where every layer of a recorded model stands, and what a snapshot cannot know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from moecusp._arguments import NON_NEGATIVE, POSITIVE, ParameterError, integer, number
from moecusp.diagnosis.layers import LayerDiagnosis, Standing
from moecusp.diagnosis.side_by_side import layers
from moecusp.diagnosis.tokens import TOKENS, checked_tokens
from moecusp.trace import RoutingTrace, TraceFile
from moecusp.trace.storage import blamed

NOISE = 0.01  # score: of the noise whose flips are counted, unless said otherwise

UNKNOWABLE = (
    "The feedback κ and the decay μ: how much of a score a chosen expert gains, and loses again. They belong to the "
    "training run. With them (--feedback, --decay) every gain follows; without, all is in units of the critical "
    "feedback.",
    "Whether loads are on their way: a snapshot has no direction, and so no time to collapse.",
    "What a balancing rule in use holds back: loads that are even because a bias rule works look like loads that are "
    "even by themselves.",
    "Other tokens than those recorded: loads and ties are of this text.",
)
"""What a snapshot cannot know, in sentences."""


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """What a snapshot says of a model.

    Attributes
    ----------
    trace : RoutingTrace
        What it is of.
    layers : tuple of LayerDiagnosis
        In the order of the model.
    feedback : float or None
        Feedback per unit decay kappa/mu (score), where it was given.
    noise : float
        Standard deviation of the noise on logits whose flips were counted (score).
    tokens : int
        Tokens with scores that were looked at in each layer, at most.
    unknowable : tuple of str
        What a snapshot cannot know.
    """

    trace: RoutingTrace
    layers: tuple[LayerDiagnosis, ...]
    feedback: float | None
    noise: float
    tokens: int
    unknowable: tuple[str, ...] = UNKNOWABLE

    def __getitem__(self, name: str) -> LayerDiagnosis:
        """Return the diagnosis of the site of this name."""
        for each in self.layers:
            if each.name == name:
                return each
        raise ParameterError("name", name, f"one of the {len(self.layers)} sites, such as {self.layers[0].name!r}")

    @property
    def standing(self) -> Standing:
        """The worst standing of a layer; UNKNOWN before CALM."""
        order = list(Standing)
        return min((each.standing for each in self.layers), key=order.index)

    @property
    def status(self) -> int:
        """Exit status: 1 if a layer has collapsed or is near it, else 3 if one cannot be told, else 0."""
        if self.standing.alarming:
            return 1
        return 3 if any(each.standing is Standing.UNKNOWN for each in self.layers) else 0

    @property
    def headline(self) -> str:
        """One sentence for whoever reads one sentence."""
        count = Counter(each.standing for each in self.layers)
        whole = len(self.layers)
        of = f" of {whole} {'layer' if whole == 1 else 'layers'} "
        words = {
            Standing.COLLAPSED: ("has collapsed", "have collapsed"),
            Standing.NEAR: ("is near collapse", "are near collapse"),
            Standing.UNKNOWN: ("cannot be told", "cannot be told"),
            Standing.UNEVEN: ("is more uneven than sampling explains", "are more uneven than sampling explains"),
            Standing.CALM: ("is calm", "are calm"),
        }
        said = [(count[standing], each[count[standing] > 1]) for standing, each in words.items() if count[standing]]
        if count[Standing.CALM] == whole:
            return (
                "Calm: no layer has collapsed, no expert is dead, and no imbalance is far above what sampling explains."
            )
        first, *rest = said
        text = f"{first[0]}{of}{first[1]}" + "".join(f", {number} {each}" for number, each in rest)
        quiet = not self.status
        return f"No layer has collapsed and no expert is dead for certain; {text}." if quiet else f"{text}."


def diagnose(
    trace: RoutingTrace | TraceFile,
    *,
    feedback: float | None = None,
    decay: float | None = None,
    tokens: int = TOKENS,
    noise: float = NOISE,
    processes: int = 1,
    progress: Callable[[int], object] | None = None,
) -> Diagnosis:
    """Say where every layer of a recorded model stands relative to collapse.

    Parameters
    ----------
    trace : RoutingTrace or TraceFile
        What was recorded; with a sample of logits for all that is more than loads. Of a `TraceFile` one layer is in
        memory at a time, and the `trace` of the diagnosis has no tokens.
    feedback, decay : float, optional
        kappa > 0 (score/time) and mu > 0 (1/time) of the run, both or neither: they give the gain of every layer.
    tokens : int
        At most so many sampled tokens of a layer are looked at, one at random from each stretch of them.
    noise : float
        Standard deviation >= 0 (score) of the noise on each logit whose flips are counted.
    processes : int
        That look at layers of a `TraceFile` at the same time, each in a new Python (so a script that asks for more than
        one needs its ``if __name__ == "__main__"``); the numbers are the same.
    progress : callable, optional
        Called with 1 after each layer.

    Returns
    -------
    Diagnosis
        Everything that can be told; what cannot says why.

    Raises
    ------
    ParameterError
        If an argument is not as said.

    References
    ----------
    Statements ``susceptibility.tie_graph``, ``susceptibility.critical_feedback``, ``update.rate``,
    ``boundary.flips`` and ``balance.max_violation``; docs/diagnosis.md.

    Examples
    --------
    >>> import numpy as np
    >>> from moecusp.diagnosis import diagnose
    >>> from moecusp.trace import RoutingTrace, Site, SiteTrace
    >>> counts = np.random.default_rng(0).multinomial(1000, [0.25] * 4, size=40)
    >>> found = diagnose(RoutingTrace([SiteTrace(Site("mlp", 0, experts=4, k=1), counts, np.full(40, 1000))]))
    >>> found.standing.value, found.status
    ('calm', 0)
    >>> print(found["mlp"].coupling.critical)
    cannot tell: no scores of tokens were recorded (record with a sample of logits)
    """
    if not isinstance(trace, RoutingTrace | TraceFile):
        raise ParameterError("trace", trace, "a RoutingTrace or a TraceFile")
    if (feedback is None) != (decay is None):
        missing = "decay" if decay is None else "feedback"
        raise ParameterError(missing, None, "given with the other of feedback and decay, or neither")
    ratio = None
    if feedback is not None and decay is not None:
        ratio = number("feedback", feedback, POSITIVE) / number("decay", decay, POSITIVE)
        number("feedback/decay", ratio, POSITIVE)
    most, s = checked_tokens(tokens), number("noise", noise, NON_NEGATIVE)
    several = integer("processes", processes, 1)
    found, records = [], []
    for each, record in layers(trace, several, ratio, most, s):
        found.append(each)
        records.append(record)
        if progress is not None:
            progress(1)
    if isinstance(trace, TraceFile):
        with blamed(trace.path):  # its sites have been seen one by one
            trace = RoutingTrace(records, trace.source, trace.notes)
    return Diagnosis(trace, tuple(found), ratio, s, most)
