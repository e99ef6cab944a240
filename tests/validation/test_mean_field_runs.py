"""The runs of the mean-field study with a stub in place of the simulation: what they ask, and make of its answer."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from tests.validation.mean_field_truth import PROFILE, fold, planted
from tests.validation.planted import stored
from validation.mean_field import effects
from validation.mean_field.measure import collapse as collapse_runs
from validation.mean_field.measure import noise, paths
from validation.mean_field.predict import predict
from validation.mean_field.profiles import Escapes
from validation.mean_field.study import STUDY
from validation.streams import stream
from validation.studies import parts_of


@pytest.fixture(scope="module", name="plan")
def _plan(tmp_path_factory):
    return stored(tmp_path_factory.mktemp("plan"), predict(PROFILE, 0))


class TestRuns:
    """What the runs ask the simulation for, and what they make of its answer."""

    @pytest.fixture(name="asked")
    def _asked(self, monkeypatch):
        calls = []

        def simulate(parameters, **asked):
            calls.append((parameters, asked))
            n = asked["routers"]
            return SimpleNamespace(
                first_passage=np.where(np.arange(n) % 3 == 0, -1, 10 + np.arange(n)),
                mean=np.zeros(n), variance=4.0 * np.ones(n), autocorrelation=0.9 * np.ones(n),
                load=np.full((n, parameters.experts), 1 / parameters.experts),
                trajectory=np.zeros((1 + asked["steps"], n)),
            )  # fmt: skip

        for module in (noise, paths, collapse_runs):
            monkeypatch.setattr(module, "simulate", simulate)
        return calls

    def test_routers_that_never_escaped_have_spent_their_time_too(self, asked):
        p = Escapes(seeds=2, routers=4)
        found = noise.escapes(p, 0.1, 50, 1.2, stream("a", "b", 0, 0), lambda _: None)
        # first passages: (-1, 11, 12, -1) and (14, 15, -1, 17), horizon 50
        assert_allclose(found["time"], 0.1 * np.array([50 + 11 + 12 + 50, 14 + 15 + 50 + 17]))
        assert found["left"].tolist() == [2, 3]
        assert asked[0][1]["first_passage"] == (None, 1.2)

    def test_nobody_escaped_is_no_number(self, plan):
        measured = planted(plan)
        measured["escapes/1"]["left"][:] = 0
        assert np.isnan(effects.escape_times(measured)[1]).all()

    def test_variance_is_that_of_u_at_the_batch_size_predicted(self, asked, plan):
        found = noise.warnings(
            PROFILE.warnings, plan["warnings.asymmetry"], plan["warnings.rest"], stream("a", "b", 0, 0), lambda _: None
        )
        assert_allclose(found["variance"], 1.0)  # that of s1 - s2 = 2u is 4
        assert_allclose(found["autocorrelation"], 0.9)
        parameters, given = asked[0]
        assert (given["batch_size"], given["increment"]) == (12, 0.003)
        assert_allclose(np.unique(parameters.gain), 1.6)
        assert_allclose(np.unique(parameters.reduced_asymmetry), np.unique(plan["warnings.asymmetry"]))

    def test_ramps_go_at_their_rate_and_cross_the_fold(self, asked, plan):
        edge, _ = fold(1.7)
        for part, source in parts_of(STUDY, PROFILE, plan, 0):
            if part.name.startswith("ramps/"):
                jumps = np.asarray(part.run(source, lambda _: None)["jumps"])
                (_, low), (steps, high) = asked[-1][1]["asymmetry_schedule"]
                assert_allclose(low / 2, edge - 0.01)
                rate = PROFILE.ramps.rates[int(part.name[-1])]
                assert (high - low) / 2 / (steps * 0.12) == pytest.approx(rate, rel=2 / steps)  # whole steps
                passed = 10 + np.arange(7.0)
                expected = np.where(np.arange(7) % 3 == 0, np.nan, low / 2 + rate * 0.12 * passed).tolist()
                assert_allclose(jumps, expected, rtol=1e-3)

    def test_every_run_has_its_own_seed_that_follows_from_the_seed(self, asked, plan):
        seeds = {}
        for seed in (0, 1):
            asked.clear()
            for part, source in parts_of(STUDY, PROFILE, plan, seed):
                part.run(source, lambda _: None)
            seeds[seed] = [given["seed"] for _, given in asked]
        assert len(seeds[0]) == len(parts_of(STUDY, PROFILE, plan, 0)) - 2  # two are computed without chance
        assert len({*seeds[0], *seeds[1]}) == 2 * len(seeds[0])

    def test_sizes_are_the_work_done(self, asked, plan, monkeypatch):
        def simulate(parameters, **asked):
            asked["progress"](asked["steps"] // 2, asked["steps"])
            asked["progress"](asked["steps"], asked["steps"])
            raise StopIteration

        for module in (noise, paths, collapse_runs):
            monkeypatch.setattr(module, "simulate", simulate)
        for part, source in parts_of(STUDY, PROFILE, plan, 0):
            done: list[int] = []
            try:
                part.run(source, done.append)
            except StopIteration:
                pass
            assert sum(done) == part.size, part.name
