"""What every number of a diagnosis is: in words, as a formula, with the statements that it rests on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

PAGE = "docs/diagnosis.md"


@dataclass(frozen=True)
class Definition:
    """A number that a diagnosis gives.

    Attributes
    ----------
    key : str
        Its name in programs, and its anchor on a page.
    name : str
        Its name for a reader.
    says : str
        What it means, in a sentence.
    formula : str
        Its definition.
    unit : str
        Its unit; empty for a pure number.
    statements : tuple of str
        The statements of proofs/statements.toml that it rests on.
    page : str
        The page of docs/ that says more.
    """

    key: str
    name: str
    says: str
    formula: str
    unit: str = ""
    statements: tuple[str, ...] = ()
    page: str = PAGE


_ALL = (
    Definition(
        "relative_load",
        "load",
        "Slots that an expert gets, in units of a fair share: 1 is balanced, 0 unused.",
        "E f_e, f_e the share of the slots",
        page="docs/metrics.md",
    ),
    Definition(
        "max_violation",
        "largest violation",
        "By how much the busiest expert exceeds a fair share, over all recorded tokens.",
        "max_e E f_e − 1",
        page="docs/metrics.md",
    ),
    Definition(
        "batch_violation",
        "largest violation in a batch",
        "The same in one batch, on average over batches: sampling alone makes it positive.",
        "mean over batches of max_e E f_e − 1",
        page="docs/metrics.md",
    ),
    Definition(
        "sampling_floor",
        "sampling floor",
        "What it would be if independent tokens chose evenly, in batches of this size: nothing gets below.",
        "(Σ_x (1 − F(x)^E) − m)/m, m = B k/E; for Gaussian counts E √(E/(E−1)) S m_E",
        statements=("balance.max_violation",),
    ),
    Definition(
        "imbalance_ratio",
        "imbalance over the floor",
        "How many times more uneven a batch is than sampling explains.",
        "largest violation in a batch / sampling floor",
        statements=("balance.max_violation",),
    ),
    Definition(
        "dispersion",
        "dispersion",
        "How many times more loads vary from batch to batch than those of independent tokens: 1 if tokens are "
        "independent; more where tokens of a batch are alike, or loads drift.",
        "mean over batches of Σ_e (c_e − B π_e)² / Σ_e B π_e (1 − π_e), π_e the share of tokens that take e",
    ),
    Definition(
        "dead_experts",
        "dead experts",
        "How many experts get next to nothing, by the definition named beside it.",
        "as said beside it",
        page="docs/metrics.md",
    ),
    Definition(
        "largest_response",
        "largest response λ_max",
        "How strongly shares of slots answer scores, in the direction in which they do most: many tokens near a tie "
        "make it large.",
        "λ_max(χ), χ_ij = −c_ij/k, c_ij the density of ties between i and j for the last place",
        "1/score",
        ("susceptibility.tie_graph", "susceptibility.slot_ties"),
        "docs/susceptibility.md",
    ),
    Definition(
        "soft_response",
        "largest response of the probabilities",
        "The same for mean softmax probabilities: what a router that draws its experts, or a balance loss, works with.",
        "λ_max(E[diag p − p pᵀ]), p = softmax(logits)",
        "1/score",
        ("susceptibility.psd", "susceptibility.derivative"),
        "docs/susceptibility.md",
    ),
    Definition(
        "critical_feedback",
        "critical feedback per unit decay",
        "The feedback κ/μ at which the present spread of tokens loses stability: the more, the safer.",
        "κ_c/μ = 1/λ_max(χ)",
        "score",
        ("susceptibility.critical_feedback",),
        "docs/susceptibility.md",
    ),
    Definition(
        "safe_rate",
        "largest safe bias rate",
        "A bias rule b ← b + r (1/E − share of slots) makes loads swing from this rate on.",
        "2/λ_max(χ)",
        "score",
        ("update.rate",),
        "docs/balance.md",
    ),
    Definition(
        "update_rate",
        "bias rate in use",
        "The rate of the bias rule that acted while the trace was recorded; of the sign rule its effective rate.",
        "r of b ← b + r (1/E − share of slots); u √(2/π)/S of the sign rule",
        "score",
        ("update.rate", "balance.sign"),
        "docs/trajectory.md",
    ),
    Definition(
        "gain",
        "gain",
        "How strongly the router is reinforced, in units of what it can bear: from 1 on the spread is unstable.",
        "g = κ λ_max(χ)/μ",
        statements=("susceptibility.critical_feedback", "reduced.gain"),
        page="docs/susceptibility.md",
    ),
    Definition(
        "tie_density",
        "tie density C",
        "How many tokens are near a tie for the last place.",
        "share of tokens within w of a tie = 2 C w + O(w²)",
        "1/score",
        ("susceptibility.tie_graph", "boundary.slope"),
        "docs/boundary.md",
    ),
    Definition(
        "boundary_mass",
        "boundary mass",
        "Share of tokens whose k-th and (k+1)-th score are within a width of each other.",
        "M(w) = P(a_(k) − a_(k+1) ≤ w)",
        statements=("boundary.mass", "boundary.experts"),
        page="docs/boundary.md",
    ),
    Definition(
        "flips_predicted",
        "flips predicted",
        "Share of tokens whose set of experts changes with the arithmetic, from the density of ties.",
        "C d/2 for rounding to numbers d apart; 2 C s/√π for noise of deviation s",
        statements=("boundary.flips",),
        page="docs/boundary.md",
    ),
    Definition(
        "flips_counted",
        "flips counted",
        "The same, counted: the recorded logits rounded, or with noise added, and the sets compared.",
        "share of tokens with another top-k set",
        page="docs/diagnosis.md",
    ),
    Definition(
        "pair_share",
        "tokens between the pair",
        "Share of tokens whose last place is decided between the two experts with most ties.",
        "q",
    ),
    Definition(
        "pair_imbalance",
        "imbalance of the pair",
        "By how much more of those tokens go to the first than to the second, over all of them.",
        "m = G(0) = mean sign(a_i − a_j)",
        statements=("reduced.imbalance",),
        page="docs/responses.md",
    ),
    Definition(
        "pair_critical",
        "critical feedback of the pair",
        "The feedback κ/μ at which the present balance between the two loses stability, others held fixed.",
        "k/(q G′(0))",
        "score",
        ("response.critical", "boundary.critical"),
        "docs/responses.md",
    ),
    Definition(
        "pair_fold",
        "least feedback with a fold",
        "The least κ/μ at which the two can jump at any difference of their drives.",
        "k/(q max G′)",
        "score",
        ("response.fold_curve",),
        "docs/responses.md",
    ),
)

DEFINITIONS: Mapping[str, Definition] = MappingProxyType({each.key: each for each in _ALL})
