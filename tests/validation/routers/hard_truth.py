"""Planted hard routers: rates linear in the feedback, favoured experts released at a feedback of one's choice."""

from __future__ import annotations

import numpy as np

from validation.routers import hard
from validation.routers.profiles import Hard

SUBJECT = hard
PROFILE = Hard(
    types=("float32",), gates=7, inputs=5, hidden=13, spread=1.2, noise=0.3, chosen=((6, 1), (6, 3)), decay=0.6,
    increment=0.2, growth_feedbacks=(0.6, 1.1, 1.4), growth_steps=5, batch_size=64, kick=0.12, experts=(4,),
    release_feedbacks=(0.88, 0.9, 0.92, 0.94, 0.96, 0.98, 1.0, 1.02, 1.04, 1.06, 1.08, 1.1, 1.12), release_time=40.0,
    release_batch_size=32, midway_batch_size=48, release_seeds=9, long_run=0.25,
)  # fmt: skip
WRONG = [
    ({"onset": 1.1}, {"hard.gaussian.*", "hard.digits", "hard.chosen.*"}),
    ({"release": 1.07}, {"hard.release.4"}),
    ({"balanced": True}, {"hard.window.4"}),
]
CONTROLS = [({"onset": 2.0}, "control.hard_doubled"), ({"top_1": True}, "control.hard_top_1")]
BANDS = {
    "onset_band": {"hard.gaussian.*", "hard.digits", "hard.chosen.*", "control.*"},
    "release_band": {"hard.release.*"},
    "gap_band": {"hard.window.*"},
}
FEW = {"gates": 2, "release_seeds": 2}
SHORT = {"release_time": 1.0}
_SHARED = {"decay μ": "0.6", "increment ε": "0.2", "margin standard deviation": "1.2"}
STATED = {
    "hard_onset": _SHARED | {
        "batch size B": "64", "routers": "7", "hidden units": "13", "margin jitter": "0.424264", "kick z": "0.144",
        "selection": "hard",
    },
    "hard_collapse": _SHARED | {"batch size B": "32", "time": "40", "seeds": "9", "selection": "hard top-1"},
}  # fmt: skip


def planted(plan, *, onset=1.0, release=1.0, balanced=False, top_1=False, scatter=2e-3):
    """Return what the runs would measure, with other onsets or releases; or balance lost midway; or k of no effect."""
    rng = np.random.default_rng(7)
    factors, found = np.array(PROFILE.growth_feedbacks), {}
    gates = len(plan["hard.gaussian.critical"])
    for case in ("gaussian-float32", "digits", "chosen-6-1", "chosen-6-3"):
        mine = onset * (1 + scatter * rng.normal(size=(gates, 1)))
        if top_1 and case == "chosen-6-3":
            mine = mine * plan.number("hard.top_1") / plan["hard.chosen.critical"][1]
        found[f"hard/{case}"] = {"rates": PROFILE.decay * (factors / mine - 1)}
    seeds = 2 if gates == 2 else PROFILE.release_seeds
    load = plan["hard.collapse"][0, 3]
    grid = np.array(PROFILE.release_feedbacks) + 0.02 * (rng.uniform(size=(seeds, 1)) - 0.5)
    midway = np.tile([load, load if balanced else 0.25], (seeds, 1)) + scatter * rng.normal(size=(seeds, 2))
    found["hard/collapse-4"] = {
        "feedbacks": grid,
        "collapsed": np.where(grid > release, 1.1 * load, 0.26),
        "midway": midway,
    }
    return found
