"""The study `mean-field`, put together."""

from __future__ import annotations

from moecusp.report import Finding
from validation.mean_field.figures import pictures
from validation.mean_field.judge import findings
from validation.mean_field.measure import parts
from validation.mean_field.predict import predict
from validation.mean_field.profiles import PROFILES, Profile
from validation.mean_field.tables import data, tables
from validation.studies import Measured, Page, Plan, Study


def present(profile: Profile, plan: Plan, measured: Measured, found: tuple[Finding, ...]) -> Page:
    """Return the page."""
    slope, barrier = (
        next(each for each in found if each.id == id).interval for id in ("mean_field.noise", "noise.barrier")
    )
    return Page(
        summary=(
            f"Paths of the discrete rule approach the flow with an error that falls as the step to the power "
            f"{slope.estimate:.3f} (predicted 1/2); long-run loads are the flow's attractors; escape times grow with "
            f"{barrier.estimate:.3f} of the exact barrier."
        ),
        pictures=pictures(profile, plan, measured),
        tables=tables(plan, measured),
        notes=(
            "All quantities are reduced: gain g, reduced asymmetry η, reduced score difference u, step δ = με, time in "
            "units of 1/μ.",
            "Bias and the slope of the exact escape times come from the transfer operator, without any chance.",
        ),
        data=data(plan, measured),
    )


STUDY = Study(
    name="mean-field",
    title="The mean-field limit: paths and noise of the discrete rule, and the collapse of many experts",
    profiles=PROFILES,
    predict=predict,
    parts=parts,
    judge=findings,
    present=present,
)
