"""Tables, explanations and data of the digits study, number by number, by formulas of their own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal, assert_equal

from tests.validation.digits_truth import planned, planted, presented
from validation.digits.effects import onsets
from validation.digits.tables import tables


@pytest.fixture(scope="module", name="plan")
def _plan(tmp_path_factory):
    return planned(tmp_path_factory.mktemp("plan"))


@pytest.fixture(scope="module", name="shown")
def _shown(plan):
    return presented(plan)


class TestNumbers:
    """Those of the tables and explanations, from what was planted."""

    def test_of_the_routers(self, shown, plan):
        measured, _, page = shown
        for k, row in enumerate(page.tables[0].rows):
            rates = measured[f"onset/{k}"]["rates"]
            grid = plan["growth.feedbacks"][k]
            onset = np.array([-np.polyfit(grid, rate, 1)[1] / np.polyfit(grid, rate, 1)[0] for rate in rates])
            critical, gaussian = plan["critical_feedback"][k], plan["gaussian_feedback"][k]
            error = np.std(onset, ddof=1) / 7**0.5
            assert row == (
                str(k), f"{critical:.4f}", f"{onset.mean():.4f} ± {error:.4f}", f"{onset.mean() / critical:.4f}",
                f"{gaussian:.4f}", "–",
            )  # fmt: skip

    def test_folds_without_asymmetry_are_listed_but_for_the_critical_feedback(self, plan):
        folds = plan["critical_feedback"][:, None] * [1 + 1e-7, 0.9, np.nan, 1 + 1e-5]
        rows = tables(replace(plan, arrays={**plan.arrays, "folds": folds}), planted())[0].rows
        for k, row in enumerate(rows):
            critical = plan["critical_feedback"][k]
            assert row[-1] == f"{0.9 * critical:.4f}, {critical * (1 + 1e-5):.4f}"

    def test_of_the_long_run_loads(self, shown, plan):
        measured, _, page = shown
        seen = np.concatenate([measured[f"branches/{k}"]["imbalance"] for k in (0, 1)])
        for k, row in enumerate(page.tables[1].rows):
            kappa = plan["branch.feedbacks"][k]
            stable = sorted(
                m for m, yes in zip(plan["branch.imbalance"][k], plan["branch.stable"][k], strict=True) if yes
            )
            balanced = seen[:, 0, k]
            sides = [s for s in (balanced[balanced < 0], balanced[balanced >= 0]) if len(s)]
            assert row == (
                f"{kappa:.4f}", f"{kappa / plan['critical_feedback'][0]:.2f}", ", ".join(f"{m:+.3f}" for m in stable),
                ", ".join(f"{np.mean(s):+.3f} ({len(s)})" for s in sides),
                f"{seen[:, 1, k].mean():+.3f}", f"{seen[:, 2, k].mean():+.3f}",
            )  # fmt: skip

    def test_of_the_jumps(self, shown, plan):
        measured, _, page = shown
        jumps = np.concatenate([measured[f"sweeps/{k}"]["jumps"] for k in (0, 1)])
        rows = iter(page.tables[2].rows)
        for k, kappa in enumerate(plan["sweep.feedbacks"]):
            for side, name in enumerate(("up", "down")):
                each, fold_at, jump = jumps[:, side, k], plan["sweep.folds"][side, k], plan["sweep.jumps"][side, k]
                assert next(rows) == (
                    f"{kappa:.4f}", name, f"{fold_at:+.4f}", f"{jump:+.4f}",
                    f"{each.mean():+.4f} ± {each.std(ddof=1) / 7**0.5:.4f}",
                )  # fmt: skip
        assert next(rows, None) is None

    def test_of_the_explanations(self, shown, plan):
        measured, found, _ = shown
        said = {each.id.removeprefix("digits."): each for each in found}
        onset, critical = onsets(plan, measured), plan["critical_feedback"]
        miss = np.abs(onset.mean(axis=1) / critical - 1)
        gaussian = np.abs(onset.mean(axis=1) / plan["gaussian_feedback"] - 1)
        assert_allclose(said["critical_feedback"].estimate, np.mean(onset[0] / critical[0]))
        assert_allclose(said["control_doubled"].estimate, np.mean(onset[0] / critical[0]) / 2)
        assert_allclose(said["other_routers"].estimate, miss.mean())
        assert_allclose(said["gaussian_margins"].estimate, gaussian.mean())
        assert f"Predicted {critical[0]:.4g}, measured {onset[0].mean():.4g} " in said["critical_feedback"].explanation
        assert f"Largest miss {miss.max():.1%}." in said["other_routers"].explanation
        assert said["gaussian_margins"].explanation == f"Largest miss {gaussian.max():.1%}."
        assert "from 0.7 to 1.6 critical" in said["branches"].explanation
        still, ramped = (plan[name][0, -1] - plan[name][1, -1] for name in ("sweep.folds", "sweep.jumps"))
        jumps = np.concatenate([measured[f"sweeps/{k}"]["jumps"] for k in (0, 1)])[:, :, -1]
        assert f"widen the loop by {ramped / still - 1:.1%}." in said["folds"].explanation
        for name, width in (("folds", still), ("ramp_delay", ramped)):
            assert f"at feedback {plan['sweep.feedbacks'][-1]:.4g}" in said[name].effect
            assert_allclose(said[name].estimate, np.mean(jumps[:, 0] - jumps[:, 1]) / width)

    def test_of_the_file(self, shown, plan):
        measured, _, page = shown

        def joined(claim, name):
            return np.concatenate([measured[f"{claim}/{k}"][name] for k in (0, 1)])

        predicted, *_ = page.data.values()
        assert sorted(predicted) == sorted(
            "branch.feedbacks branch.imbalance branch.stable critical_feedback folds gaussian_feedback jitter "
            "growth.feedbacks sweep.feedbacks sweep.folds sweep.jumps sweep.rate sweep.reach".split()
        )
        for name, values in predicted.items():
            assert_array_equal(values, plan[name])
        assert_equal(
            page.data,
            {
                "predicted": predicted,
                "growth_rates": [measured[f"onset/{k}"]["rates"].tolist() for k in range(3)],
                "measured_critical_feedback": onsets(plan, measured).tolist(),
                "branches": {name: joined("branches", name).tolist() for name in ("imbalance", "accuracy", "alone")},
                "sweeps": {
                    "jumps": joined("sweeps", "jumps").tolist(),
                    "asymmetry": measured["sweeps/0"]["asymmetry"].tolist(),
                    "imbalance": joined("sweeps", "imbalance").mean(axis=0).tolist(),
                },
            },
        )
