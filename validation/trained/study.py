"""The study `trained`, put together from its subjects, each a module of this folder (validation/subjects.py)."""

from __future__ import annotations

from validation.subjects import Subject, together
from validation.trained import best_rate, collapse, coverage, flips, rules
from validation.trained.profiles import PROFILES, Profile

SUBJECTS: tuple[Subject[Profile], ...] = (flips, rules, best_rate, collapse, coverage)

STUDY = together(
    SUBJECTS,
    name="trained",
    title="Transformers trained on text: what bias rules hold, and collapses called before they happen",
    profiles=PROFILES,
    summary="Small transformers trained on text: flips, what bias rules hold, and collapses called before they happen",
    side_by_side=("quick", "full"),
)
