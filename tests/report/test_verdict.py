"""The rule of the verdicts, its false alarms, and what would decide what is left open."""

import re

import numpy as np
import pytest

import moecusp as mc
from moecusp.report import Interval, Verdict, exact, judge, student
from tests.report.sample import finding


def between(low, high, estimate=None):
    return Interval(0.5 * (low + high) if estimate is None else estimate, low, high, 0.99, 9, "seeds", "given", 0.1)


class TestRule:
    @pytest.mark.parametrize(
        ("low", "high", "verdict"),
        [
            (0.95, 1.05, "SUPPORTED"),
            (0.9, 1.1, "SUPPORTED"),
            (1.11, 1.2, "REFUTED"),
            (0.7, 0.89, "REFUTED"),
            (1.1, 1.2, "INCONCLUSIVE"),
            (0.7, 0.9, "INCONCLUSIVE"),
            (0.85, 1.05, "INCONCLUSIVE"),
            (0.95, 1.15, "INCONCLUSIVE"),
            (0.8, 1.2, "INCONCLUSIVE"),
            (-np.inf, np.inf, "INCONCLUSIVE"),
        ],
    )
    def test_inside_outside_or_across_an_edge(self, low, high, verdict):
        assert judge("a", "a", "a", between(low, high, 1.0), (0.9, 1.1)).verdict.value == verdict

    def test_what_a_run_could_not_tell_is_inconclusive(self):
        for value in (1.0, 2.0):
            assert judge("a", "a", "a", exact(value), (0.9, 1.1), able=False).verdict is Verdict.INCONCLUSIVE

    def test_an_exact_number_is_never_wrong(self):
        assert judge("a", "a", "a", exact(1.0), (0.9, 1.1)).verdict is Verdict.SUPPORTED
        found = judge("a", "a", "a", exact(1.2), (0.9, 1.1))
        assert (found.verdict, found.false_alarm) == (Verdict.REFUTED, 0.0)

    def test_false_alarms_are_as_rare_as_the_finding_says(self):
        """A true effect on the band's edge is called SUPPORTED, and called REFUTED, at the stated rate each.

        4,000 runs; false alarms of this test below 1e-6 (5 standard deviations).
        """
        rng, runs = np.random.default_rng(1), 4_000
        found = [judge("a", "a", "a", student(x, 0.9), (0.0, 9.0)) for x in rng.normal(size=(runs, 6))]
        stated = found[0].false_alarm
        for verdict in (Verdict.SUPPORTED, Verdict.REFUTED):
            rate = sum(f.verdict is verdict for f in found) / runs
            assert rate == pytest.approx(stated, abs=5 * (0.05 * 0.95 / runs) ** 0.5)

    @pytest.mark.parametrize("accepted", [(1.0, 1.0), (1.0, 0.0), (0.0, float("nan"))])
    def test_a_band_has_an_inside(self, accepted):
        with pytest.raises(mc.ParameterError, match="accepted"):
            judge("a", "a", "a", exact(1.0), accepted)

    def test_samples_are_no_interval(self):
        with pytest.raises(mc.ParameterError, match="interval = "):
            judge("a", "a", "a", [1.0, 1.0, 1.0], (0.0, 2.0))  # type: ignore[arg-type]


class TestSound:
    @pytest.mark.parametrize("expected", Verdict)
    @pytest.mark.parametrize("interval", [exact(1.0), exact(2.0), student([1.0, 1.0])])
    def test_a_control_is_sound_with_the_planted_verdict_alone(self, expected, interval):
        found = judge("a", "a", "a", interval, (0.9, 1.1), expected=expected)
        assert found.sound is (found.verdict is expected)

    def test_a_control_left_open_is_not_sound(self):
        assert not finding([1.0, 1.0], expected=Verdict.REFUTED).sound
        assert not finding([1.0, 1.0], expected=Verdict.SUPPORTED).sound

    def test_no_verdict_makes_a_finding_unsound_that_is_no_control(self):
        assert all(finding(x).sound for x in ([1.0] * 3, [2.0] * 3, [1.0]))


class TestRemedy:
    @pytest.mark.parametrize("mean", [1.05, 1.14])
    def test_as_many_repetitions_as_it_says_decide_and_half_as_many_do_not(self, mean):
        shape = np.linspace(-1.0, 1.0, 40)

        def at(size):
            x = np.resize(shape, size)
            return finding(mean + 0.2 * (x - x.mean()) / x.std(ddof=1))

        found = at(40)
        assert found.verdict is Verdict.INCONCLUSIVE
        said = re.match(r"About (\d+) seeds in place of 40, if the estimate stays (inside|outside)", found.remedy)
        assert said is not None
        assert at(int(said[1])).verdict is (Verdict.SUPPORTED if said[2] == "inside" else Verdict.REFUTED)
        assert at(int(said[1]) // 2).verdict is Verdict.INCONCLUSIVE

    def test_on_the_edge_no_number_would(self):
        found = judge("a", "a", "a", between(0.9, 1.3000001), (0.9, 1.1))
        assert found.remedy.startswith("No feasible number of seeds: the estimate is within 5e-08 of the edge 1.1")

    def test_without_an_interval_or_a_design(self):
        assert finding([1.0, 1.0]).remedy.startswith("More seeds than 2")
        assert finding(able=False).remedy.startswith("A run whose design can tell")

    @pytest.mark.parametrize(
        ("interval", "able", "said"),
        [
            (
                *(between(0.90625, 1.15625, 1.0625), True),  # 5/32 to the lower end, 3/32 to the upper
                "About 157 seeds in place of 9, if the estimate stays inside the band.",  # 9 (.15625/.0375)^2
            ),
            (
                *(between(0.7, 0.95, 0.75), True),
                "About 16 seeds in place of 9, if the estimate stays outside the band.",  # 9 (0.2/0.15)^2
            ),
            (
                *(between(0.9375, 1.1875, 1.125), True),  # 0.1875 to the lower end, 0.0625 to the upper
                "About 507 seeds in place of 9, if the estimate stays outside the band.",  # 9 (0.1875/0.025)^2 = 506.3
            ),
            (
                *(between(0.7, 1.3000001, 1.0999), True),
                "No feasible number of seeds: the estimate is within 0.0001 of the edge 1.1, and the interval reaches "
                "0.4.",
            ),
            (
                *(between(-np.inf, np.inf, 1.0), True),
                "More seeds than 9, and none without a value: these give no interval.",
            ),
            (between(0.99, 1.01, 1.0), False, "A run whose design can tell: this one could not."),
        ],
    )
    def test_word_for_word(self, interval, able, said):
        assert judge("a", "a", "a", interval, (0.9, 1.1), able=able).remedy == said

    def test_never_fewer_than_there_were(self):
        """An interval that reaches less far than the edge is, as rounding can make it, still asks for one more."""
        found = judge("a", "a", "a", between(0.9, 1.1000000000000003, 1.0), (0.9, 1.1))
        assert found.remedy.startswith("About 10 seeds in place of 9, ")

    def test_near_the_edge_begins_at_a_hundredth_of_the_reach(self):
        for estimate, said in ((1.0625, "No feasible"), (1.0, "About")):
            interval = between(estimate - 8.0, estimate + 8.0, estimate)
            assert judge("a", "a", "a", interval, (-3.0, 1.125)).remedy.startswith(said)

    def test_the_caller_knows_better_and_the_decided_need_none(self):
        assert finding([1.0, 1.0], remedy="Wait.").remedy == "Wait."
        assert finding(remedy="Wait.").remedy == ""
