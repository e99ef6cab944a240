"""The p-values behind a verdict: they agree with it at every level, and are right as often as they say."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binomtest, ttest_1samp

from moecusp import ParameterError
from moecusp.report import (
    Interval,
    Verdict,
    clopper_pearson,
    cluster_bootstrap,
    equivalence,
    evidence,
    exact,
    judge,
    student,
)

SAMPLES = np.random.default_rng(1).normal(1.0, 0.1, size=7)


def of(interval, band=(0.9, 1.1), **more):
    return evidence(judge("a", "a", "a", interval, band, **more))


class TestAgainstPeers:
    @pytest.mark.parametrize("make", [student, equivalence])
    @pytest.mark.parametrize("band", [(0.9, 1.1), (0.98, 1.05), (1.1, 1.2), (0.8, 0.9), (-np.inf, 1.1), (0.9, np.inf)])
    def test_t_tests(self, make, band):
        low, high = band
        above = 0.0 if low == -np.inf else ttest_1samp(SAMPLES, low, alternative="greater").pvalue
        below = 0.0 if high == np.inf else ttest_1samp(SAMPLES, high, alternative="less").pvalue
        found = of(make(SAMPLES), band)
        assert found.supporting == pytest.approx(max(above, below), rel=1e-9)
        assert found.refuting == pytest.approx(min(1 - above, 1 - below), rel=1e-9)

    @pytest.mark.parametrize("successes", [0, 3, 17, 40])
    @pytest.mark.parametrize("band", [(0.0, 0.1), (0.3, 0.6), (0.9, 1.0), (-1.0, 0.1), (0.9, 2.0), (-1.0, 2.0)])
    def test_binomial_tests(self, successes, band):
        low, high = band

        def p(edge, side):
            return binomtest(successes, 40, edge, alternative=side).pvalue

        found = of(clopper_pearson(successes, 40), band)
        supporting = max(p(low, "greater") if low > 0 else 0.0, p(high, "less") if high < 1 else 0.0)
        assert found.supporting == pytest.approx(supporting, rel=1e-9)
        refuting = min(p(max(low, 0.0), "less"), p(min(high, 1.0), "greater"))
        assert found.refuting == pytest.approx(refuting, rel=1e-9)

    def test_without_chance(self):
        assert of(exact(1.0)) == of(exact(1.1)) == (0.0, 1.0)
        assert of(exact(0.9)) == (0.0, 1.0)
        assert of(exact(1.2)) == of(exact(0.8)) == (1.0, 0.0)
        assert of(exact(1.0), able=False) == of(exact(1.2), able=False) == (1.0, 1.0)


def intervals():
    rng = np.random.default_rng(2)
    for trial in range(200):
        samples = rng.normal(1.0, 0.3, size=rng.integers(3, 12)) + rng.choice([0.0, 0.15, -0.4])
        yield (student, equivalence)[trial % 2](samples, (0.9, 0.1)[trial % 2])
        yield replace(clopper_pearson(int(rng.integers(0, 31)), 30, 0.9))
    for _ in range(20):
        samples = rng.exponential(1.0, size=40)
        yield cluster_bootstrap(samples, np.arange(40) // 4, source=rng, confidence=0.9, resamples=400)


def test_agrees_with_the_verdict():
    """For every method and each verdict, at the level of the interval."""
    seen = set()
    for interval in intervals():
        for band in ((0.9, 1.1), (0.3, 0.7), (0.5, 1.5)):
            finding = judge("a", "a", "a", interval, band)
            found = evidence(finding)
            assert (finding.verdict is Verdict.SUPPORTED) == (found.supporting <= finding.false_alarm)
            assert (finding.verdict is Verdict.REFUTED) == (found.refuting <= finding.false_alarm)
            seen.add((interval.method, finding.verdict))
    assert len(seen) == 4 * 3


@pytest.mark.parametrize(("low", "high"), [(0.89, 1.31), (0.91, 1.31), (0.89, 1.29), (0.4, 0.89), (0.4, 0.91),
                                          (1.29, 2.0), (1.31, 2.0)])  # fmt: skip
def test_of_a_lopsided_interval_each_end_has_its_own_reach(low, high):
    interval = Interval(1.0, 0.9, 1.3, 0.9, 8, "seeds", "bootstrap over clusters", 0.1)
    finding = judge("a", "a", "a", interval, (low, high))
    found = evidence(finding)
    assert (finding.verdict is Verdict.SUPPORTED) == (found.supporting <= finding.false_alarm)
    assert (finding.verdict is Verdict.REFUTED) == (found.refuting <= finding.false_alarm)


@pytest.mark.parametrize("edge", [0.9, 1.1])
def test_on_an_edge_it_is_uniform(edge):
    """2,000 means with the true effect on an edge: shares below .05 and .5 within 5 standard errors (.025, .056)."""
    samples = np.random.default_rng(3).normal(edge, 0.02, size=(2000, 6))
    supporting, refuting = np.array([of(student(each)) for each in samples]).T
    for level in (0.05, 0.5):
        for p in (supporting, refuting):
            assert abs(np.mean(p < level) - level) < 5 * (level * (1 - level) / 2000) ** 0.5


def test_nothing_follows_from_too_few_or_from_a_design_that_cannot_tell():
    assert of(student([1.0, 1.0])) == of(student([1.0, 1.0, np.nan])) == (1.0, 1.0)
    assert of(student(SAMPLES), (0.5, 1.5), able=False) == of(student(SAMPLES), (2.0, 3.0), able=False) == (1.0, 1.0)


def test_an_unknown_method_is_refused():
    with pytest.raises(ParameterError) as error:
        of(replace(student(SAMPLES), method="guess"))
    assert str(error.value) == "method = 'guess': method must be one of the methods of moecusp.report"


@pytest.mark.parametrize("ends", [(0.8, 1.0), (1.0, 1.2)])
@pytest.mark.parametrize("band", [(0.9, 1.0), (0.7, 1.0), (1.0, 1.3), (0.7, 1.3), (0.7, 0.9), (1.1, 1.3), (1.01, 1.3)])
def test_of_a_bootstrap_that_ends_at_its_estimate(ends, band):
    """The p-values agree with the verdict, whichever side has no width."""
    finding = judge(
        "a", "a", "a", Interval(1.0, ends[0], ends[1], 0.9, 8, "seeds", "bootstrap over clusters", 0.1), band
    )
    found = evidence(finding)
    assert (found.supporting <= finding.false_alarm) == (finding.verdict is Verdict.SUPPORTED)
    assert (found.refuting <= finding.false_alarm) == (finding.verdict is Verdict.REFUTED)
