"""The ledger: one verdict a claim, from all findings that follow from it; false verdicts controlled over the whole.

A claim holds only if every finding that follows from it does, so its verdict is the weakest of theirs: REFUTED if one
is, else INCONCLUSIVE if one is, else SUPPORTED. It then has to outlast Holm's method over all claims of the ledger:
once for the supported ones and once for the refuted ones, each at half of `LEVEL`; else it is left INCONCLUSIVE. So the
ledger holds a false verdict with probability at most `LEVEL`, however its claims depend on each other. The p-value that
supports a claim is the largest of its findings' (all of them have to hold: no correction); the one that refutes it is
the smallest times their number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from moecusp.report import Evidence, Finding, Plan, Section, Table, Verdict, evidence, holm
from moecusp.report.document import show
from validation.claims import Claim

LEVEL = 0.05
"""Probability, at most, with which any verdict of a ledger is false."""

_WEAKEST_FIRST = (Verdict.REFUTED, Verdict.INCONCLUSIVE, Verdict.SUPPORTED)


@dataclass(frozen=True)
class Run:
    """A study that has run: its name, the plan stored before it ran, and its findings."""

    study: str
    plan: Plan
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Entry:
    """A claim, judged.

    Attributes
    ----------
    claim : Claim
    verdict : Verdict
    finding : Finding
        The one that decides: the weakest of those that follow from the claim.
    run : Run
        Where it is from.
    p_value : float
        Of the verdict, adjusted by Holm's method over the ledger; of an INCONCLUSIVE claim, of what its findings say.
    findings : int
        How many follow from the claim.
    """

    claim: Claim
    verdict: Verdict
    finding: Finding
    run: Run
    p_value: float
    findings: int


def entries(claims: Sequence[Claim], runs: Sequence[Run]) -> tuple[Entry, ...]:
    """Return the ledger of some runs: the claims that their findings judge, in the order given."""
    judged = [(claim, found) for claim in claims if (found := _findings(claim, runs))]
    if not judged:
        return ()
    grounds = [[evidence(finding) for _, finding in found] for _, found in judged]
    supporting = holm([max(each.supporting for each in ground) for ground in grounds])
    refuting = holm([min(1.0, len(ground) * min(each.refuting for each in ground)) for ground in grounds])
    return tuple(
        _entry(claim, found, ground, supported, refuted)
        for (claim, found), ground, supported, refuted in zip(judged, grounds, supporting, refuting, strict=True)
    )


def section(claims: Sequence[Claim], runs: Sequence[Run]) -> tuple[Section, ...]:
    """Return the ledger as a section of a page; none where the runs judge no claim."""
    found = entries(claims, runs)
    if not found:
        return ()
    rows = tuple(_row(entry, {run.study for run in runs}) for entry in found)
    columns = (
        "claim", "says", "verdict", "decided by", "effect", "interval", "n", "detectable", "p, adjusted",
        "predicted (UTC)", "judged elsewhere, or open",
    )  # fmt: skip
    text = (
        "A claim holds only if every finding that follows from it does: its verdict is the weakest of theirs (REFUTED "
        "before INCONCLUSIVE before SUPPORTED), and stands only if it outlasts Holm's method over all claims of this "
        f"ledger, which leaves a false verdict anywhere in it a probability of at most {LEVEL:g}. Each row shows the "
        "finding that decides, and when its prediction was stored, before anything ran."
    )
    return (Section("ledger", "Ledger of claims", text, tables=(Table("claims", "Claims", columns, rows),)),)


def _findings(claim: Claim, runs: Sequence[Run]) -> list[tuple[Run, Finding]]:
    return [(run, finding) for run in runs for finding in run.findings if claim.names(run.study, finding.id)]


def _entry(
    claim: Claim, found: list[tuple[Run, Finding]], ground: list[Evidence], supported: float, refuted: float
) -> Entry:
    def strength(index: int) -> tuple[int, float]:
        verdict, each = found[index][1].verdict, ground[index]
        return _WEAKEST_FIRST.index(verdict), each.refuting if verdict is Verdict.REFUTED else -each.supporting

    run, finding = found[min(range(len(found)), key=strength)]
    p_value = float(refuted if finding.verdict is Verdict.REFUTED else supported)
    verdict = finding.verdict if p_value <= LEVEL / 2 else Verdict.INCONCLUSIVE
    return Entry(claim, verdict, finding, run, p_value, len(found))


def _row(entry: Entry, studies: set[str]) -> tuple[str, ...]:
    claim, finding, interval = entry.claim, entry.finding, entry.finding.interval
    others = f", weakest of {entry.findings}" if entry.findings > 1 else ""
    elsewhere = [f"also judged in {study}" for study in claim.judged if study not in studies]
    if claim.open:
        elsewhere.append(f"open ({claim.by}): {claim.open}")
    return (
        claim.id,
        claim.says,
        entry.verdict.value,
        finding.id + others,
        f"{finding.effect}: {show(interval.estimate)}",
        f"[{show(interval.low)}, {show(interval.high)}], accepted [{show(finding.accepted[0])}, "
        f"{show(finding.accepted[1])}]",
        f"{interval.n} {interval.unit}",
        show(interval.detectable),
        show(entry.p_value),
        entry.run.plan.stored,
        "; ".join(elsewhere) or "–",
    )
