"""The study `soft-hard`, put together."""

from __future__ import annotations

from moecusp.report import Finding
from validation.soft_hard.figures import pictures
from validation.soft_hard.judge import findings
from validation.soft_hard.measure import parts
from validation.soft_hard.predict import predict
from validation.soft_hard.profiles import PROFILES, Profile
from validation.soft_hard.tables import data, tables
from validation.studies import Measured, Page, Plan, Study
from validation.training.fashion import MISSING


def present(profile: Profile, plan: Plan, measured: Measured, found: tuple[Finding, ...]) -> Page:
    """Return the page."""
    at = {each.id: each.interval for each in found}
    lacking = "fashion" in profile.trained.sets and "trained/fashion" not in measured
    return Page(
        summary=(
            f"The boundary mass of a linear router is {at['boundary.linear'].estimate:.4f} of its linear law, and that "
            f"of three experts bends as predicted. The risk of a soft router approaches the hard one as T to the "
            f"margins' exponent; best thresholds move by T². A strict saddle survives the limit, the curvature at a "
            f"jump does not."
        ),
        pictures=pictures(profile, plan, measured),
        tables=tables(profile, plan, measured),
        notes=(*_NOTES, *((MISSING,) if lacking else ())),
        data=data(plan, measured),
    )


STUDY = Study(
    name="soft-hard",
    title="Soft and hard routing: boundary mass, risk, minimisers and the landscape between them",
    profiles=PROFILES,
    predict=predict,
    parts=parts,
    judge=findings,
    present=present,
    devices=("cpu", "cuda"),
)

_NOTES = (
    "Findings whose n counts computations hold no chance: both sides are integrals, taken by different rules.",
    "boundary.*: R1; risk.*: R2; limit.*: R3; symmetry.*: R4; landscape.*: R5; transversality.*: R6 of the claims.",
    "Temperatures and widths of trained routers are in standard deviations of their margin, balanced at its median.",
    "The gates: soft weighs all experts; renormalised top-2 divides by the sum of the two; Switch multiplies the best "
    "expert's output by its probability, so that its router has a gradient even where experts are the same.",
)
