"""Intervals against the equations that define them, by enumeration, and by simulation with stated false alarms."""

import numpy as np
import pytest
from scipy.stats import beta, binom

import moecusp as mc
from moecusp.report import (
    Interval,
    Verdict,
    clopper_pearson,
    cluster_bootstrap,
    equivalence,
    exact,
    holm,
    judge,
    student,
)

RUNS = 4_000


def near(probability, runs=RUNS):
    """Within 5 standard deviations: the test fails by chance less than once in a million runs."""
    return pytest.approx(probability, abs=5 * (probability * (1 - probability) / runs) ** 0.5)


class TestStudent:
    def test_against_the_tabulated_quantile(self):
        """t(0.975, 3) = 3.182446."""
        found = student([1.0, 2.0, 3.0, 4.0], confidence=0.95)
        half = 3.182446 * np.std([1, 2, 3, 4], ddof=1) / 2
        assert (found.low, found.high) == pytest.approx((2.5 - half, 2.5 + half), rel=1e-6)
        assert (found.estimate, found.n, found.unit, found.method) == (2.5, 4, "seeds", "Student")

    @pytest.mark.parametrize("size", [3, 5, 12])
    def test_the_detectable_departure_is_seen_with_probability_090(self, size):
        """The departure for samples of spread 1, and 4,000 runs with that spread so far from the edge, either side."""
        rng = np.random.default_rng(size)
        shape = rng.normal(size=size)
        d = student((shape - shape.mean()) / shape.std(ddof=1), confidence=0.95).detectable
        for edge, true in ((0.0, d), (d, 0.0)):
            band = (edge - 99.0, edge) if true > edge else (edge, edge + 99.0)
            runs = rng.normal(true, size=(RUNS, size))
            refuted = sum(judge("a", "a", "a", student(x, 0.95), band).verdict is Verdict.REFUTED for x in runs)
            assert refuted / RUNS == near(0.9)

    @pytest.mark.parametrize("samples", [[1.0], [1.0, 1.0], [1.0, 1.0, 1.0, np.nan]])
    def test_too_few_or_missing_repetitions_give_none(self, samples):
        found = student(samples)
        assert (found.low, found.high, found.detectable) == (-np.inf, np.inf, np.inf)
        assert found.estimate == 1.0

    @pytest.mark.parametrize(
        "arguments",
        [
            {"samples": []},
            {"samples": [[1.0]]},
            {"samples": [np.nan]},
            {"samples": [np.inf, 1.0]},
            {"samples": [1.0], "confidence": 1.0},
            {"samples": [1.0], "confidence": 0.0},
        ],
    )
    def test_bad_input(self, arguments):
        with pytest.raises(mc.ParameterError, match=r"samples|confidence"):
            student(**arguments)


class TestEquivalence:
    @pytest.mark.parametrize("edge", [-2.0, 2.0])
    def test_called_equal_at_the_edge_as_often_as_the_level_says(self, edge):
        """4,000 runs whose true mean lies on an edge of the band."""
        runs = np.random.default_rng(3).normal(edge, size=(RUNS, 8))
        found = [judge("a", "a", "a", equivalence(x, level=0.05), (-2.0, 2.0)) for x in runs]
        assert sum(f.verdict is Verdict.SUPPORTED for f in found) / RUNS == near(0.05)
        assert found[0].false_alarm == pytest.approx(0.05)

    def test_a_narrow_band_is_called_equal_less_often(self):
        runs = np.random.default_rng(4).normal(0.5, size=(RUNS, 8))
        found = [judge("a", "a", "a", equivalence(x, level=0.05), (-0.5, 0.5)).verdict for x in runs]
        assert 0 < sum(v is Verdict.SUPPORTED for v in found) / len(runs) < 0.05

    @pytest.mark.parametrize("level", [0.0, 0.5, np.nan])
    def test_bad_level(self, level):
        with pytest.raises(mc.ParameterError, match="level"):
            equivalence([1.0, 2.0, 3.0], level=level)


class TestClopperPearson:
    @pytest.mark.parametrize("trials", [1, 2, 7, 40])
    @pytest.mark.parametrize("confidence", [0.9, 0.99])
    def test_covers_any_share_by_enumeration_each_end_wrong_at_most_half_as_often(self, trials, confidence):
        each = [clopper_pearson(k, trials, confidence) for k in range(trials + 1)]
        low, high = (np.array([getattr(i, end) for i in each]) for end in ("low", "high"))
        ends = np.concatenate([low, high])
        shares = np.unique(np.clip(np.concatenate([np.linspace(0, 1, 301), ends - 1e-9, ends + 1e-9]), 0, 1))[:, None]
        weight = binom.pmf(np.arange(trials + 1), trials, shares)
        half = (1 - confidence) / 2 + 1e-8
        assert np.all((weight * (low > shares)).sum(axis=1) <= half)
        assert np.all((weight * (high < shares)).sum(axis=1) <= half)

    def test_no_wider_than_that(self):
        """At an end, as many successes or more (fewer) have half the remaining probability."""
        for k in range(1, 20):
            found = clopper_pearson(k, 20, 0.95)
            assert binom.sf(k - 1, 20, found.low) == pytest.approx(0.025)
            assert binom.cdf(k, 20, found.high) == pytest.approx(0.025)
            assert (found.estimate, found.n) == (k / 20, 20)

    @pytest.mark.parametrize("trials", [6, 30, 200])
    def test_the_detectable_departure_is_seen_at_every_edge_and_no_smaller_one(self, trials):
        each = [clopper_pearson(k, trials) for k in range(trials + 1)]
        low, d = np.array([i.low for i in each]), each[0].detectable
        edges = np.unique(np.concatenate([np.linspace(0, 1 - d, 501), low[low < 1 - d], low[low < 1 - d] + 1e-9]))[
            :, None
        ]

        def seen(departure):
            weight = binom.pmf(np.arange(trials + 1), trials, np.minimum(edges + departure, 1.0))
            return (weight * (low > edges)).sum(axis=1)

        assert np.all(seen(d) >= 0.9 - 1e-6)
        assert np.any(seen(0.99 * d) < 0.9)

    def test_many_trials(self):
        """A million: the normal limit, (2.5758 + 1.2816)/2 standard deviations at a half."""
        assert clopper_pearson(500_000, 10**6).detectable == pytest.approx(3.8574 * 0.5e-3, rel=2e-3)

    @pytest.mark.parametrize("arguments", [(1, 0), (-1, 3), (4, 3), (1.0, 3), (1, 3, 1.0)])
    def test_bad_input(self, arguments):
        with pytest.raises(mc.ParameterError):
            clopper_pearson(*arguments)


def clustered(rng, clusters=12, each=6):
    """Samples of mean 0 whose clusters differ three times as much as what they hold."""
    labels = np.repeat(np.arange(clusters), each)
    return rng.normal(size=clusters)[labels] + rng.normal(size=labels.size) / 3, labels


class TestClusterBootstrap:
    def test_covers_clustered_data_and_a_bootstrap_over_samples_does_not(self):
        """300 and 100 sets of data at confidence 0.9; 4.5 standard deviations: false alarm 3e-6."""
        rng = np.random.default_rng(5)

        def covered(samples, clusters):
            found = cluster_bootstrap(samples, clusters, source=rng, confidence=0.9, resamples=400)
            return found.low <= 0.0 <= found.high

        sets = [clustered(rng) for _ in range(300)]
        right = [covered(*each) for each in sets]
        naive = [covered(x, np.arange(x.size)) for x, _ in sets[:100]]
        assert np.mean(right) > 0.9 - 4.5 * (0.09 / 300) ** 0.5
        assert np.mean(naive) < 0.9 - 4.5 * (0.09 / 100) ** 0.5

    def test_as_wide_as_students_for_the_means_of_the_clusters(self):
        """Mean over 40 sets of data; the resamples blur it by less than 1 %."""
        rng, ratios = np.random.default_rng(6), []
        for _ in range(40):
            samples, labels = clustered(rng)
            found = cluster_bootstrap(samples, labels, source=rng, confidence=0.9, resamples=1000)
            other = student(samples.reshape(12, 6).mean(axis=1), confidence=0.9)
            ratios.append([(found.high - found.low) / (other.high - other.low), found.detectable / other.detectable])
            assert found.estimate == pytest.approx(other.estimate)
            assert found.n == 12
        assert np.mean(ratios, axis=0) == pytest.approx([1.0, 1.0], abs=0.04)

    def test_any_statistic_of_samples_of_any_shape(self):
        rng = np.random.default_rng(7)
        x = rng.normal(size=(60, 1))
        pairs = np.concatenate([x, 2.0 * x], axis=1)
        found = cluster_bootstrap(
            pairs, np.arange(60) // 2, lambda p: p[:, 1].std() / p[:, 0].std(), source=rng, resamples=2000
        )
        assert (found.low, found.estimate, found.high) == pytest.approx((2.0, 2.0, 2.0))

    def test_the_source_decides(self):
        samples, labels = clustered(np.random.default_rng(8))
        first, again, other = (
            cluster_bootstrap(samples, labels, source=np.random.default_rng(s), confidence=0.9, resamples=200)
            for s in (0, 0, 1)
        )
        assert first == again
        assert first.low != other.low

    def test_too_few_clusters_give_none(self):
        rng = np.random.default_rng(9)
        for clusters in (1, 2, 4):
            samples, labels = clustered(rng, clusters)
            assert cluster_bootstrap(samples, labels, source=rng).high == np.inf

    @pytest.mark.parametrize(
        "wrong",
        [
            {"clusters": [0, 1]},
            {"samples": [1.0, np.nan, 2.0]},
            {"samples": []},
            {"source": 0},
            {"resamples": 10},
            {"statistic": lambda x: np.nan},
            {"confidence": 1.0},
        ],
    )
    def test_bad_input(self, wrong):
        arguments = {"samples": [1.0, 2.0, 3.0], "clusters": [0, 1, 2], "source": np.random.default_rng(0), **wrong}
        with pytest.raises(mc.ParameterError, match=next(iter(wrong))):
            cluster_bootstrap(**arguments)


def test_exact():
    found = exact(1.5)
    assert (found.low, found.estimate, found.high, found.confidence, found.detectable) == (1.5, 1.5, 1.5, 1.0, 0.0)
    for wrong in ([1.0, 1.0], np.nan, np.inf):
        with pytest.raises(mc.ParameterError, match="value"):
            exact(wrong)  # type: ignore[arg-type]


class TestHolm:
    def test_by_hand(self):
        """The example of p = .01, .04, .03, .005: 4 x .005, 3 x .01, 2 x .03, then no less than that."""
        assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
        assert holm([0.6, 0.9]) == pytest.approx([1.0, 1.0])

    def test_one_false_claim_in_all_as_often_as_said(self):
        """4,000 ledgers of six true hypotheses and two false ones: one or more of the six rejected at most at 0.05."""
        rng = np.random.default_rng(10)
        p = rng.uniform(size=(RUNS, 8))
        p[:, 6:] = beta.rvs(0.01, 1.0, size=(RUNS, 2), random_state=rng)
        wrong = np.array([holm(each) for each in p])[:, :6].min(axis=1) < 0.05
        assert wrong.mean() == near(1 - (1 - 0.05 / 6) ** 6)

    @pytest.mark.parametrize("wrong", [[1.1], [-0.1], [], [np.nan], [[0.1]]])
    def test_bad_input(self, wrong):
        with pytest.raises(mc.ParameterError, match="p_values"):
            holm(wrong)


@pytest.mark.parametrize(
    "wrong", [{"low": 2.0}, {"high": np.nan}, {"confidence": 0.0}, {"confidence": 1.1}, {"n": 0}, {"detectable": -1.0}]
)
def test_what_is_no_interval(wrong):
    right = {"estimate": 0.5, "low": 0.0, "high": 1.0, "confidence": 0.9, "n": 3, "unit": "s", "method": "m"}
    with pytest.raises(mc.ParameterError, match=next(iter(wrong))):
        Interval(**{**right, "detectable": 1.0, **wrong})
