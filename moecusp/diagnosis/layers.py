"""One layer: what its loads and its scores say of its distance to collapse."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from moecusp.diagnosis.bias_rule import update_rate
from moecusp.diagnosis.coupling import Coupling, Deciding, coupling
from moecusp.diagnosis.loads import Loads, loads
from moecusp.diagnosis.pair import Pair, pair
from moecusp.diagnosis.quantities import Quantity
from moecusp.diagnosis.switching import Switching, switching
from moecusp.diagnosis.tokens import thinned, tokens_of
from moecusp.experts import equal_depth_gain, expert_fold_gain
from moecusp.metrics import LayerMetrics, Spread, layer_metrics
from moecusp.trace import Site, SiteTrace

UNEVEN = 2.0
"""Times the sampling floor: a layer whose imbalance is certainly more is called uneven."""


class Standing(StrEnum):
    """Where a layer stands, the worst first."""

    COLLAPSED = "collapsed"
    """Half of the experts, or all but k, get less than a tenth of a fair share of the slots."""
    NEAR = "near collapse"
    """An expert is dead for certain, or the gain may have reached 1."""
    UNEVEN = "uneven"
    """The imbalance of a batch is certainly more than twice what sampling explains; no expert is dead."""
    UNKNOWN = "cannot tell"
    """Too few tokens."""
    CALM = "calm"
    """None of these."""

    @property
    def alarming(self) -> bool:
        """Whether it is a reason to act."""
        return self in (Standing.COLLAPSED, Standing.NEAR)


@dataclass(frozen=True, eq=False)
class LayerDiagnosis:
    """What is known of one layer.

    Attributes
    ----------
    site : Site
        The router.
    batches, tokens : int
        What was recorded.
    standing : Standing
        Where it stands.
    because : tuple of str
        Why, in sentences.
    metrics : LayerMetrics
        The metrics of `moecusp.metrics`; those of scores over the tokens looked at.
    loads : Loads
        How uneven.
    coupling : Coupling
        How loads answer scores.
    switching : Switching
        Tokens near a tie, and how many change expert with the arithmetic.
    pair : Pair or str
        The most exposed pair, or why there is none.
    gain : Quantity
        kappa lambda_max/mu, for the feedback given.
    update_rate : Quantity
        (Effective) rate of the bias rule that acted while the trace was recorded (score).
    ladder : (float, float, float) or None
        Gains of K alike softmax experts: the fold, equal depth, loss of stability of balance (1); None for one expert.
    rule, token_words : str
        By which scores the router chooses, and how many tokens say so; why not, where it is not known.
    """

    site: Site
    batches: int
    tokens: int
    standing: Standing
    because: tuple[str, ...]
    metrics: LayerMetrics
    loads: Loads
    coupling: Coupling
    switching: Switching
    pair: Pair | str
    gain: Quantity
    update_rate: Quantity
    ladder: tuple[float, float, float] | None
    rule: str
    token_words: str

    @property
    def name(self) -> str:
        """The path of the router."""
        return self.site.name


def layer(record: SiteTrace, feedback: float | None, most: int, noise: float) -> LayerDiagnosis:
    """Return the diagnosis of one site; feedback is per unit decay (score)."""
    recorded = 0 if record.sample is None or record.sample.scores is None else int(record.sample.mask.sum())
    small = thinned(record, most)
    metrics = layer_metrics(small)
    tokens = tokens_of(small, recorded)
    deciding = None if isinstance(tokens, str) else Deciding.of(tokens.scores(tokens.logits), tokens.k)
    spread = loads(record, metrics)
    found = coupling(tokens, deciding)
    gain = _gain(feedback, found)
    rate = update_rate(record)
    standing, because = _standing(spread, gain, record.site)
    experts = record.site.experts
    return LayerDiagnosis(
        record.site,
        record.batches,
        int(record.tokens.sum()),
        standing,
        because + _acting(rate, found.safe_rate),
        metrics,
        spread,
        found,
        switching(tokens, deciding, found.tie_width, noise),
        pair(tokens, deciding, found, feedback),
        gain,
        rate,
        None if experts < 2 else (float(expert_fold_gain(experts)), float(equal_depth_gain(experts)), 1.0),
        "" if isinstance(tokens, str) else tokens.rule,
        tokens if isinstance(tokens, str) else tokens.words,
    )


def _acting(rate: Quantity, safe: Quantity) -> tuple[str, ...]:
    """Return what is to be said of the bias rule in use."""
    if rate.value is None:
        return ()
    said = f"A bias rule acts with r = {rate.value:.3g}"
    if safe.value is None:
        return (f"{said}.",)
    said = f"{said}, {rate.value / safe.value:.0%} of the largest safe rate"
    # beyond it loads swing ever more widely until the response has fallen to the limit, where such a rule is found
    return (f"{said}: loads may swing." if rate.ends[1] >= safe.ends[0] else f"{said}.",)


def _gain(feedback: float | None, found: Coupling) -> Quantity:
    top = found.largest
    if feedback is None:
        return Quantity("gain", reason="a snapshot has no feedback: give --feedback and --decay, or a trajectory")
    if top.value is None or top.low is None or top.high is None:
        return Quantity("gain", reason=top.reason)
    return Quantity("gain", feedback * top.value, feedback * top.low, feedback * top.high, note=top.note)


def _standing(found: Loads, gain: Quantity, site: Site) -> tuple[Standing, tuple[str, ...]]:
    """Return where a layer stands and why."""
    said = []
    seen, floor, ratio = found.batch_violation, found.floor, found.ratio
    if found.spread is Spread.COLLAPSED:
        count = next(q for name, q in found.dead if name == "dead_relative").value or 0.0
        said.append(f"{count:.0f} of {site.experts} experts get less than a tenth of a fair share: it has collapsed.")
    elif found.dead_experts:
        names = ", ".join(map(str, found.dead_experts[:8])) + ("…" if len(found.dead_experts) > 8 else "")
        said.append(f"Dead for certain: {len(found.dead_experts)} of {site.experts} experts ({names}).")
    risky = gain.high is not None and gain.high >= 1.0
    if risky:
        certain = gain.low is not None and gain.low >= 1.0
        state = "is unstable" if certain else "may be unstable"
        said.append(f"The gain is {gain}: at 1 and above the present spread of tokens {state}.")
    uneven = ratio.low is not None and ratio.low > UNEVEN
    if ratio.value is not None and seen.value is not None and floor.value is not None:
        said.append(
            f"The imbalance of a batch is {ratio.value:.2g} times what sampling explains "
            f"(largest violation {seen.value:.2g}, floor {floor.value:.2g})."
        )
    if found.spread is Spread.COLLAPSED:
        return Standing.COLLAPSED, tuple(said)
    if found.dead_experts or risky:
        return Standing.NEAR, tuple(said)
    if found.spread is Spread.UNKNOWN or found.dead_reason or found.interval_reason:
        why = found.dead_reason or found.interval_reason or "too few tokens"
        return Standing.UNKNOWN, (f"Too little was recorded: {why}.", *said)
    return (Standing.UNEVEN if uneven else Standing.CALM), tuple(said)
