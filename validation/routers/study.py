"""The study `routers`, put together from its subjects, each a module of this folder (validation/subjects.py)."""

from __future__ import annotations

from validation.routers import balance_loss, cusp, experts, hard, joint, load, onset, prediction, sign_rule, update_rate
from validation.routers.profiles import PROFILES, Profile
from validation.subjects import Subject, together

SUBJECTS: tuple[Subject[Profile], ...] = (
    onset,
    cusp,
    experts,
    hard,
    load,
    joint,
    prediction,
    update_rate,
    sign_rule,
    balance_loss,
)

STUDY = together(
    SUBJECTS,
    name="routers",
    title="Torch routers as they are used: where they collapse, and what holds them balanced",
    profiles=PROFILES,
    summary="Torch routers as they are used, predicted before they ran",
    devices=("cpu", "cuda"),
    side_by_side=("quick", "full"),
)
