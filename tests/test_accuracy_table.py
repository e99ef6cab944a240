"""The accuracy page: no region may get worse than the stored table, and the page is that table."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path

import pytest

import moecusp as mc
from validation.accuracy import table as accuracy
from validation.accuracy.members import members
from validation.accuracy.rules import rules

HERE = Path(__file__).parent
ELSEWHERE = {
    "balance": "expected_max_violation proportional_autocorrelation proportional_covariance sign_covariance "
    "sign_tracking_lag tracking_lag",
    "balance_loss": "balance_loss_growth balance_loss_jacobian critical_loss_weight largest_safe_loss_weight",
    "boundary": "boundary_mass boundary_remainder boundary_slope",
    "boundary_exponent": "boundary_exponent",
    "flips": "flip_rate rounding_flip_rate",
    "cusps": "cusp_normal_form",
    "equilibria": "equilibria_blocks",
    "escape": "diffusion_barrier escape_barrier escape_time log_escape_time",
    "expert_boundary": "expert_boundary_curvature expert_boundary_mass expert_boundary_slope",
    "experts": "balanced_critical_gain equal_depth_gain expert_equilibria expert_fold_gain",
    "exponents": "critical_feedback gain reduced_asymmetry ecology_parameter mean_field_competitor",
    "interfaces": "ellipse_tie_density parabola_tie_density sphere_tie_density power_boundary_mass "
    "saddle_boundary_mass",
    "landscape": "jump_curvature routing_saddle soft_risk_constant threshold_shift",
    "noise": "lag1_autocorrelation log_stationary_density stationary_density stationary_variance",
    "rates": "flip_step largest_safe_update_rate ramp_delay",
    "softhard": "soft_hard_expansion soft_hard_gap soft_hard_remainder",
    "susceptibility": "critical_feedback_from_logits hard_susceptibility susceptibility",
    "susceptibility_estimate": "soft_susceptibility",
    "transfer": "simulate",
}
"""Functions that are not measured region by region, by the test file that compares their numbers instead."""


def test_the_numbers_of_every_function_are_compared_somewhere() -> None:
    measured = [HERE / "test_accuracy.py", *Path(accuracy.__file__).parent.glob("*.py")]
    here = set(re.findall(r"\bmc\.([a-z]\w+)", " ".join(path.read_text() for path in measured)))
    there = {name: stem for stem, names in ELSEWHERE.items() for name in names.split()}
    assert {name for name in mc.__all__ if name[0].islower()} - here == there.keys()
    missing = [name for name, stem in there.items() if name not in (HERE / f"test_{stem}.py").read_text()]
    assert missing == []


@pytest.fixture(scope="module")
def stored() -> accuracy.Rows:
    rows: accuracy.Rows = json.loads(accuracy.TABLE.read_text())
    return rows


def test_no_region_got_worse(stored: accuracy.Rows) -> None:
    assert accuracy.worse(accuracy.measure(), stored) == []


def test_every_region_is_within_the_promise(stored: accuracy.Rows) -> None:
    worst = {name: max(row["moecusp"] for row in regions.values()) for name, regions in stored.items()}
    power = worst.pop("dead_expert_probability")  # exp keeps of an exponent to 600 what its last digit is worth
    assert power <= 9.0 * 601.0
    others = members().keys()
    proved = rules().keys() & worst.keys()
    assert max(value for name, value in worst.items() if name not in others | proved) <= 2.5
    assert max(worst[name] for name in others) <= 4.0
    assert max(worst[name] for name in proved) <= 6.0


def test_a_worse_region_is_noticed(stored: accuracy.Rows) -> None:
    worse = copy.deepcopy(stored)
    worse["equilibria"]["g = 1"]["moecusp"] += 1
    assert len(accuracy.worse(worse, stored)) == 1
    worse["fold_gain"]["eta below 1e-3"]["moecusp"] = float("nan")
    assert len(accuracy.worse(worse, stored)) == 2


def test_the_page_is_the_table(stored: accuracy.Rows) -> None:
    assert accuracy.PAGE.read_text() == accuracy.page(stored)


class TestCommand:
    @pytest.mark.parametrize(("argument", "status", "says"), [("--help", 0, "--check"), ("--chekc", 2, "unrecognized")])
    def test_help_and_mistakes_measure_nothing(self, monkeypatch, capsys, argument, status, says):
        monkeypatch.setattr(accuracy, "measure", lambda: pytest.fail("it measures"))
        with pytest.raises(SystemExit) as end:
            accuracy.main([argument])
        assert end.value.code == status
        assert says in "".join(capsys.readouterr())

    def test_writes_the_page_and_compares(self, monkeypatch, tmp_path, capsys, stored):
        monkeypatch.setattr(accuracy, "measure", lambda: copy.deepcopy(stored))
        monkeypatch.setattr(accuracy, "TABLE", tmp_path / "accuracy.json")
        monkeypatch.setattr(accuracy, "PAGE", tmp_path / "accuracy.md")
        assert accuracy.main([]) == 0
        assert (tmp_path / "accuracy.md").read_text() == accuracy.page(stored)
        assert accuracy.main(["--check"]) == 0
        better = copy.deepcopy(stored)
        better["equilibria"]["g = 1"]["moecusp"] -= 1
        (tmp_path / "accuracy.json").write_text(json.dumps(better))
        assert accuracy.main(["--check"]) == 1
        assert "equilibria, g = 1" in capsys.readouterr().out
