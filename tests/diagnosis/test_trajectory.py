"""What a trajectory tells exactly, how sure it is of the rest, and what it leaves untold: planted rules."""

import numpy as np
import pytest

from moecusp import ParameterError
from moecusp.diagnosis import Identification, estimate_trajectory
from tests.diagnosis.chains import Rule, averaged, others, run

TWO = Rule(2, 1.2, 0.8, 1.1, 0.04, (0.06,))
FIVE = Rule(5, 2.4, 1.3, 0.9, 0.03, (0.1, -0.2, 0.0, 0.3, 0.05))


def read(name, found):
    for part in name.split("."):
        found = getattr(found, part)
    return found


def errors(rule, truth, records, **options):
    """Return, by name, (estimate - truth)/standard error of each trace that has one."""
    found: dict[str, list[float]] = {name: [] for name in truth}
    for scores, loads in records:
        told = estimate_trajectory(scores, loads, increment=rule.increment, **options)
        for name, value in truth.items():
            each = read(name, told)
            if each.known:
                found[name].append((each.value - value) * 2.0 * 1.959964 / (each.high - each.low))
    return {name: np.array(each) for name, each in found.items()}


def centred(h, experts):
    full = np.zeros(experts)
    full[: len(h)] = h
    return full - full.mean()


class TestIdentity:
    """Scores and the very loads that moved them: the relation has no noise."""

    @pytest.mark.parametrize("rule", [TWO, FIVE], ids=["two", "five"])
    def test_gives_every_coefficient(self, rule):
        scores, loads = run(rule, 300, batch=64)
        found = estimate_trajectory(
            scores[:, 0], loads[:, 0], increment=rule.increment, inverse_temperature=rule.inverse_temperature
        )
        assert found.method == "identity"
        assert found.feedback.status is Identification.EXACT
        assert found.feedback.value == pytest.approx(rule.feedback, rel=1e-9)
        assert found.decay.value == pytest.approx(rule.decay, rel=1e-9)
        assert found.gain.value == pytest.approx(rule.gain, rel=1e-9)
        assert found.gain.high - found.gain.low < 1e-7
        assert [each.value for each in found.drive] == pytest.approx(centred(rule.drive, rule.experts), abs=1e-9)

    def test_a_constant_on_all_scores_changes_only_what_no_routing_sees(self):
        scores, loads = run(FIVE, 200, batch=32)
        moved = scores[:, 0] + np.linspace(0.0, 5.0, 201)[:, None]
        plain, other = (estimate_trajectory(s, loads[:, 0], increment=0.03) for s in (scores[:, 0], moved))
        assert other.feedback.value == pytest.approx(plain.feedback.value, rel=1e-9)
        assert other.decay.value == pytest.approx(plain.decay.value, rel=1e-9)

    def test_float32_records_are_an_identity_too(self):
        scores, loads = run(TWO, 300, batch=64)
        found = estimate_trajectory(np.float32(scores[:, 0]), np.float32(loads[:, 0]), increment=TWO.increment)
        assert found.method == "identity"
        assert found.feedback.holds(TWO.feedback)
        assert found.decay.holds(TWO.decay)

    def test_a_ramped_feedback_is_that_of_the_last_record(self):
        rule = Rule(4, 1.0, 0.9, 1.0, 0.05, (), 0.004)
        scores, loads = run(rule, 200, batch=64)
        found = estimate_trajectory(
            scores[:, 0], loads[:, 0], increment=0.05, varying="feedback", inverse_temperature=1.0
        )
        assert found.feedback.value == pytest.approx(1.0 + 0.004 * 200, rel=1e-9)
        assert found.feedback_slope.value == pytest.approx(0.004, rel=1e-8)
        left = found.distance.steps_to_critical.value
        assert (1.8 + 0.004 * left) / (4 * 0.9) == pytest.approx(1.0, rel=1e-7)

    def test_a_ramped_drive_is_told_from_a_constant_one(self):
        rule = Rule(3, 1.5, 1.2, 1.0, 0.05, (-0.4, 0.1), 0.0, 0.003)
        scores, loads = run(rule, 200, batch=64)
        found = estimate_trajectory(scores[:, 0], loads[:, 0], increment=0.05, varying="drive")
        assert found.drive_slope.value == pytest.approx(0.003, rel=1e-8)
        assert [each.value for each in found.drive] == pytest.approx(centred((-0.4 + 0.6, 0.1), 3), abs=1e-8)

    def test_the_rate_of_a_balancing_rule(self):
        """b <- b + r (1/K - load): feedback -r, no decay, so no gain."""
        rule = Rule(4, -0.3, 0.0, 1.0, 1.0)
        scores, loads = run(rule, 200, batch=64, start=np.array([0.5, 0.0, -0.2, -0.3]))
        found = estimate_trajectory(scores[:, 0], loads[:, 0], increment=1.0, inverse_temperature=1.0)
        assert found.update_rate.value == pytest.approx(0.3, rel=1e-9)
        assert not found.gain.known
        assert "update_rate" in found.gain.reason


class TestNotIdentifiable:
    """What no record of a kind contains."""

    def test_constant_loads(self):
        """Feedback and drive are collinear; both are left open, whatever the scores do."""
        s, scores = np.array([1.0, -0.3, -0.7]), []
        f = np.array([0.5, 0.3, 0.2])
        for _ in range(100):
            scores.append(s)
            s = s + 0.05 * (1.5 * f - s)
        found = estimate_trajectory(scores, np.tile(f, (100, 1)), increment=0.05)
        assert found.feedback.status is Identification.NOT_IDENTIFIABLE
        assert "collinear" in found.feedback.reason
        assert not found.drive[0].known
        assert not found.gain.known
        assert found.decay.value == pytest.approx(1.0, rel=1e-6)  # the scores relax

    def test_nothing_moves(self):
        found = estimate_trajectory(np.zeros((60, 2)), np.full((60, 2), 0.5), increment=0.1)
        assert not found.feedback.known
        assert not found.decay.known
        assert not found.relaxation.known

    def test_loads_alone_tell_only_how_fast_an_imbalance_shrinks(self):
        _, loads = run(Rule(8, 7.2), 3000, batch=16)
        found = estimate_trajectory(None, loads[:, 0], increment=0.05)
        assert not any(each.known for each in (found.feedback, found.decay, found.gain, found.drive[0]))
        assert found.relaxation.low < 0.05 * 0.1 < found.relaxation.high < 0.1

    def test_scores_at_balance_do_not_tell_feedback_from_decay(self):
        """Of unknown batches, an imbalance shows only what is left of the one when the other is taken off."""
        rule = Rule(2, 1.2)
        scores, _ = run(rule, 2000, batch=64)
        found = estimate_trajectory(scores[:, 0], others(scores[:, 0], rule, 64), increment=0.05)
        assert found.method == "instruments"
        assert "batch size" in found.feedback.reason
        assert not found.gain.known
        assert found.relaxation.known

    def test_a_collapse_on_the_way(self):
        """Traces of a bistable router that collapse by noise, by `variation`; the rest and other ways tell as ever."""
        rule = Rule(16, 11.2)
        scores, loads = run(rule, 1000, traces=12, batch=16, seed=2)
        ends = loads[-100:].mean(axis=0).max(axis=1)
        assert 3 <= np.count_nonzero(ends > 0.8) <= 9, ends
        for trace, end in enumerate(ends):
            s = scores[:, trace]
            seen = others(s, rule, 16)
            found = estimate_trajectory(s, seen, increment=0.05, source="other", batch_size=16.0)
            assert found.method == "variation"
            whole = (found.feedback, found.decay, found.gain, found.drive[0])
            if end > 0.8:
                assert all("collapses on the way" in each.reason for each in whole)
                same = estimate_trajectory(s, loads[:, trace], increment=0.05)
                assert same.feedback.value == pytest.approx(11.2, rel=1e-6)
                assert estimate_trajectory(s, seen, increment=0.05, source="other").feedback.known
            else:
                assert found.feedback.known
                assert found.decay.known

    def test_a_constant_feedback_has_no_end(self):
        scores, loads = run(TWO, 100, batch=64)
        found = estimate_trajectory(scores[:, 0], loads[:, 0], increment=TWO.increment, inverse_temperature=1.1)
        assert "varying" in found.distance.steps_to_critical.reason

    def test_a_falling_feedback_leads_away(self):
        rule = Rule(2, 1.8, feedback_slope=-0.002)
        scores, loads = run(rule, 200, batch=64)
        found = estimate_trajectory(
            scores[:, 0], loads[:, 0], increment=0.05, varying="feedback", inverse_temperature=1.0
        )
        assert "away" in found.distance.steps_to_critical.reason


class TestSource:
    """Whether the loads are those that moved the scores."""

    @pytest.mark.parametrize("every", [1, 4])
    def test_is_seen(self, every):
        rule = Rule(4, 1.6)
        scores, loads = run(rule, 1200, batch=64)
        same = averaged(scores[:, 0], loads[:, 0], every)
        options = {"increment": 0.05, "every": every, "batch_size": 64}
        assert estimate_trajectory(*same, **options).method == ("identity" if every == 1 else "integrated")
        other = others(same[0], rule, 64)
        assert estimate_trajectory(same[0], other, **options).method == "variation"


class TestCoverage:
    """Errors over standard errors have the spread 1: within 5 errors of it at this many traces (2e-7 by chance)."""

    TRACES = 150

    @pytest.mark.parametrize("experts", [2, 8])
    def test_loads_of_other_tokens(self, experts):
        rule = Rule(experts, 0.5 * experts)
        scores, _ = run(rule, 1500, self.TRACES, batch=64)
        loads = others(scores, rule, 64)
        truth = {"feedback": rule.feedback, "decay": 1.0, "relaxation": 0.025}
        found = errors(rule, truth, zip(scores.swapaxes(0, 1), loads.swapaxes(0, 1), strict=True), batch_size=64)
        self.check(found)

    def test_the_error_of_the_feedback_is_the_decays_too(self):
        """In large steps near the fold it is most of it: without it the spread is 1.4 (gain .7), of wrong sign .5."""
        rule = Rule(2, 1.8, increment=0.8)
        scores, _ = run(rule, 1500, 2 * self.TRACES, batch=1024)
        loads = others(scores, rule, 1024)
        found = errors(
            rule, {"feedback": 1.8, "decay": 1.0, "gain": 0.9},
            zip(scores.swapaxes(0, 1), loads.swapaxes(0, 1), strict=True), batch_size=1024, inverse_temperature=1.0,
        )  # fmt: skip
        self.check(found)

    @pytest.mark.parametrize("slope", [0.0, 5e-4])
    def test_loads_averaged_over_steps(self, slope):
        rule = Rule(4, 1.2, feedback_slope=slope)
        path, moved = run(rule, 1600, self.TRACES, batch=64)
        scores, loads = averaged(path, moved, 4)
        truth = {"feedback": 1.2 + slope * 1600, "decay": 1.0}
        truth |= {"feedback_slope": slope} if slope else {}
        found = errors(
            rule, truth, zip(scores.swapaxes(0, 1), loads.swapaxes(0, 1), strict=True), every=4,
            varying="feedback" if slope else "none",
        )  # fmt: skip
        self.check(found)

    def test_instruments_far_from_balance(self):
        """Of unknown batches, a run that sweeps through unlike loads tells feedback from decay."""
        rule = Rule(3, 3.0, drive_slope=0.002, drive=(-1.5,))
        scores, _ = run(rule, 1500, self.TRACES, batch=16)
        loads = others(scores, rule, 256)
        truth = {"feedback": 3.0, "decay": 1.0, "drive_slope": 0.002}
        found = errors(
            rule, truth, zip(scores.swapaxes(0, 1), loads.swapaxes(0, 1), strict=True), varying="drive"
        )  # fmt: skip
        assert all(len(each) > 0.9 * self.TRACES for each in found.values())
        self.check(found)

    def check(self, found):
        for name, each in found.items():
            error = (2.0 * len(each)) ** -0.5
            assert each.std() == pytest.approx(1.0, abs=5.0 * error), name
            assert np.median(each) == pytest.approx(0.0, abs=5.0 * 1.25 * len(each) ** -0.5), name


class TestSignRule:
    """Steps of one size."""

    def test_its_effective_rate(self):
        source, b, scores, loads = np.random.default_rng(3), np.zeros(8), [], []
        for _ in range(500):
            p = np.exp(b) / np.exp(b).sum()
            f = source.multinomial(512, p) / 512
            scores.append(b)
            loads.append(f)
            b = b + 0.003 * np.sign(1 / 8 - f)
        found = estimate_trajectory(scores, loads, increment=1.0)
        assert found.method == "sign rule"
        assert found.update_rate.holds(0.003 * (2 / np.pi) ** 0.5 / float(np.std(loads)))
        assert found.update_rate.high / found.update_rate.low < 1.2
        assert "sign rule" in found.feedback.reason

    def test_rare_steps_are_no_sign_rule(self):
        scores, loads = run(TWO, 100, batch=64)
        scores = scores[:, 0].copy()
        scores[1:] = scores[0]
        scores[50:] += [0.1, -0.1]
        assert estimate_trajectory(scores, loads[:, 0], increment=0.04).method != "sign rule"


class TestRefusals:
    """Bad input is named."""

    SCORES, LOADS = np.zeros((41, 2)), np.full((40, 2), 0.5)

    @pytest.mark.parametrize(
        ("change", "name"),
        [
            ({"scores": np.zeros((20, 2))}, "scores"),
            ({"scores": np.full((41, 2), np.nan)}, r"scores\[0, 0\]"),
            ({"loads": np.full((40, 2), 0.6)}, "loads"),
            ({"loads": np.full((10, 2), 0.5)}, "loads"),
            ({"increment": 0.0}, "increment"),
            ({"every": 0}, "every"),
            ({"source": "mine"}, "source"),
            ({"varying": "decay"}, "varying"),
            ({"driven": 2}, "driven"),
            ({"batch_size": 0.5}, "batch_size"),
            ({"load_tokens": 0}, "load_tokens"),
            ({"confidence": 1.0}, "confidence"),
            ({"inverse_temperature": -1.0}, "inverse_temperature"),
            ({"susceptibility": np.zeros((2, 3))}, "susceptibility"),
            ({"susceptibility": 0.0}, "susceptibility"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_by_name(self, change, name):
        given = {"scores": self.SCORES, "loads": self.LOADS, "increment": 0.1} | change
        with pytest.raises(ParameterError, match=f"^{name} = "):
            estimate_trajectory(given.pop("scores"), given.pop("loads"), **given)
