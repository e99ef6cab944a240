"""The first paragraph: what a practitioner should take from the run, each sentence from the findings."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from moecusp.report import Finding, Verdict
from validation.ecology.design import GROUPS
from validation.ecology.groups import NAMES
from validation.ecology.judge import Everything
from validation.ecology.outcomes import HEADLINE
from validation.ecology.profiles import Profile

_MEANING = {
    "first": "being any token's first choice",
    "slots": "its share of the slots",
    "probability": "its mean probability",
    "streak": "how long it goes without a token",
}


def summary(profile: Profile, every: Everything, found: Mapping[str, Finding]) -> str:
    """Return the paragraph."""
    threshold = profile.guarantee.threshold
    sentences = [
        _guarantee(threshold, found),
        *(_governs(name, found) for name in HEADLINE),
        _classes(profile, found),
        _temperature(found),
    ]
    return " ".join(filter(None, sentences))


def _guarantee(threshold: float, found: Mapping[str, Finding]) -> str:
    verdicts = {name: found[f"guarantee.digits.{name}"].verdict for name in HEADLINE}
    refuted = [name for name, verdict in verdicts.items() if verdict is Verdict.REFUTED]
    held = [name for name, verdict in verdicts.items() if verdict is Verdict.SUPPORTED]
    text = f"E ≥ {threshold:g} "
    if refuted:
        text += f"does not keep experts alive, if death is judged by {_listed(refuted)}"
        text += f"; by {_listed(held)} it did in every configuration tried." if held else "."
    elif held:
        text += f"kept every expert alive by {_listed(held)}."
    else:
        text += "could be neither refuted nor supported here."
    return text


def _governs(name: str, found: Mapping[str, Finding]) -> str:
    intervals = {group: found[f"governs.{group}.digits.{name}"] for group in GROUPS}
    known = {group: each.estimate for group, each in intervals.items() if each.estimate == each.estimate}
    if not known:
        return f"Nothing can be said of death by {_MEANING[name]}."
    best = max(known, key=lambda group: known[group])
    verdict = intervals[best].verdict
    does = {
        Verdict.SUPPORTED: "is governed by",
        Verdict.REFUTED: "is governed by none of the groups, least badly by",
        Verdict.INCONCLUSIVE: "is best ordered by",
    }[verdict]
    text = f"Death by {_MEANING[name]} {does} {NAMES[best]} ({known[best]:.2f}, where 1 is perfect order and 1/2 chance"
    return text + (f"; E: {known['E']:.2f})." if best != "E" and "E" in known else ").")


def _classes(profile: Profile, found: Mapping[str, Finding]) -> str:
    seen = found["complexity.dead.fixed.probability"]
    if not np.isfinite(seen.interval.low) or seen.interval.low <= 0.0 <= seen.interval.high:
        return ""
    ends, more = profile.complexity.classes, "fewer" if seen.estimate < 0.0 else "more"
    text = f"At the same E and as hard a task, {ends[-1]} classes leave {more} experts dead by mean probability than "
    return text + f"{ends[0]}: by {abs(seen.estimate):.0%} of all experts."


def _temperature(found: Mapping[str, Finding]) -> str:
    said = []
    for verdict, what in ((Verdict.SUPPORTED, "does not matter"), (Verdict.REFUTED, "matters")):
        names = [name for name in HEADLINE if found[f"temperature.training.{name}"].verdict is verdict]
        said += [f"{what} for death by {_listed(names)}"] if names else []
    return f"The temperature of training {' but '.join(said)}." if said else ""


def _listed(names: list[str]) -> str:
    """Return "a, b and c"."""
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
