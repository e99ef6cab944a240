"""The study `ecology`, put together."""

from __future__ import annotations

from moecusp.report import Finding
from validation import symbols
from validation.ecology import groups as governing
from validation.ecology.figures import pictures
from validation.ecology.judge import WHOLE, Everything, findings
from validation.ecology.measure import parts
from validation.ecology.outcomes import HEADLINE
from validation.ecology.predict import predict
from validation.ecology.profiles import PROFILES, Profile
from validation.ecology.setup import KINDS
from validation.ecology.summary import summary
from validation.ecology.tables import data, tables
from validation.studies import Measured, Page, Plan, Study
from validation.training.fashion import MISSING


def present(profile: Profile, plan: Plan, measured: Measured, found: tuple[Finding, ...]) -> Page:
    """Return the page."""
    every = Everything.of(profile, plan, measured)
    at = {each.id: each for each in found}
    concordances = [governing.Concordances(profile, each) for each in every.some(*WHOLE)]
    seen = governing.concordances(concordances, at)
    sets = dict.fromkeys(SETS[KINDS[kind].set.split("-")[0]] for kind in every.kinds)
    return Page(
        summary=summary(profile, every, at),
        pictures=pictures(profile, every, concordances, seen),
        tables=(
            *tables(profile, every, seen),
            symbols.table(
                "temperature_of_routing",
                "entropy_weight",
                "oracle_weight",
                "balance_weight",
                "ecology",
                "idle_share",
                "experts",
                "classes",
            ),
        ),
        notes=(
            *_NOTES,
            *(() if "fashion" in every.kinds else (MISSING,)),
            f"Data that took part: {', '.join(sets)}.",
        ),
        data=data(plan, every),
    )


STUDY = Study(
    name="ecology",
    title="The E parameter: is T H/(O + B) >= 0.5 a law, and what does govern dead experts?",
    profiles=PROFILES,
    predict=predict,
    parts=parts,
    judge=findings,
    present=present,
    side_by_side=("quick", "full"),
)

SETS = {
    "digits": "digits",
    "fashion": "Fashion-MNIST",
    "text": "bytes of Python's language reference",
    "generated": "generated classes",
}
"""Data as the report names them."""
_NOTES = (
    "guarantee.*: Z1; revival.*: Z2; ortho.*: Z3; complexity.*: Z4; gap.*: Z5; tiers.*, two_tiers.*: Z6; "
    "temperature.*: Z7; one_group.*, governs.* and exponent.*: Z8; rule.* and minimum.*: Z9 of the claims; planted.*: "
    "controls.",
    f"Definitions of death, {', '.join(HEADLINE)}: share of the test tokens whose first choice an expert is, share of "
    "their slots, mean probability over them, all below 1 %; more than 100 training batches in a row without a slot.",
    "The gate is renormalised top-2, the oracle's target the expert of least loss of its own.",
    "The strata where E and the derived rule disagree, the held-out combinations and the data sets were fixed in the "
    "plan, before anything ran.",
)
