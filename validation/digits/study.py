"""The study `digits`, put together."""

from __future__ import annotations

from moecusp.report import Finding
from validation.digits import figures
from validation.digits.effects import onsets
from validation.digits.judge import findings
from validation.digits.measure import parts
from validation.digits.predict import predict
from validation.digits.profiles import PROFILES, Profile
from validation.digits.tables import data, tables
from validation.studies import Measured, Page, Plan, Study


def present(profile: Profile, plan: Plan, measured: Measured, found: tuple[Finding, ...]) -> Page:
    """Return the page."""
    critical = plan["critical_feedback"][0]
    ratio = next(each for each in found if each.id == "digits.critical_feedback").interval
    interval = (ratio.low * critical, ratio.high * critical)
    return Page(
        summary=(
            f"From {plan['margins'].shape[1]} recorded margins the theory predicts that this router collapses above a "
            f"feedback of {critical:.4g} (score/time); measured: {onsets(plan, measured)[0].mean():.4g}, "
            f"{profile.confidence:.0%} interval [{interval[0]:.4g}, {interval[1]:.4g}]. Nothing was fitted."
        ),
        pictures=figures.pictures(profile, plan, measured, interval),
        tables=tables(plan, measured),
        notes=_NOTES,
        data=data(plan, measured),
    )


STUDY = Study(
    name="digits",
    title="Two experts on the digits: collapse predicted from a router's margins",
    profiles=PROFILES,
    predict=predict,
    parts=parts,
    judge=findings,
    present=present,
    devices=("cpu", "cuda"),
)

_NOTES = (
    "The router is random, linear and fixed; its bias makes the load even at equal scores, as any balancing would. "
    "Experts are trained by gradient descent on the tokens they receive; with hard selection and a fixed router they "
    "do not act back on the routing.",
    "Images are jittered, as in data augmentation. That also makes the response smooth, so that its slope at the tie "
    "is a property of the router and not of a choice of bandwidth.",
    "The onset and hysteresis runs draw the jittered margins directly: routing depends on nothing else.",
    "The growth rates are taken over a finite kick and a finite increment, which moves the measured critical feedback "
    "up by a few tenths of a percent.",
)
