"""The pictures of the mean-field study show the measured arrays, and its captions the profile."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tests.validation.mean_field_truth import PROFILE, fold, planted, released
from tests.validation.planted import line, stated, stored
from tests.validation.words import stored_words, words
from validation.mean_field import effects
from validation.mean_field.judge import findings
from validation.mean_field.predict import predict
from validation.mean_field.study import present


@pytest.fixture(scope="module", name="plan")
def _plan(tmp_path_factory):
    return stored(tmp_path_factory.mktemp("plan"), predict(PROFILE, 0))


@pytest.fixture(scope="module", name="shown")
def _shown(plan):
    measured = planted(plan)
    found = findings(PROFILE, plan, measured)
    return measured, found, present(PROFILE, plan, measured, found)


@pytest.fixture(scope="module", name="pictures")
def _pictures(shown):
    measured, _, page = shown
    return measured, {each.id: each for each in page.pictures}


def test_every_word_and_the_look_of_every_picture(shown):
    _, found, page = shown
    assert words(found, page) == stored_words("mean_field")


class TestPictures:
    @pytest.mark.parametrize(
        ("id", "label", "expected"),
        [
            ("errors", "paths, one per seed", lambda m: np.concatenate([m[f"steps/{k}"]["errors"] for k in range(3)])),
            ("attractors", "measured", lambda m: m["attractors/0"]["loads"].ravel()),
            ("escapes", "measured, one per seed", lambda m: np.log(
                np.concatenate([m[f"escapes/{k}"]["time"] / m[f"escapes/{k}"]["left"] for k in range(3)]))),
            ("warnings", "measured, one per seed", lambda m: m["warnings/0"]["variance"].ravel()),
            ("delays", "measured, one per seed", lambda m: np.concatenate(
                [m[f"ramps/{k}"]["jumps"] - fold(1.7)[0] for k in range(3)])),
        ],
    )  # fmt: skip
    def test_show_what_was_measured(self, pictures, id, label, expected):
        measured, drawn = pictures
        assert_allclose(line(drawn[id].figure, label)[1], expected(measured), rtol=1e-9, atol=1e-12)

    def test_show_what_was_predicted(self, pictures, plan):
        _, drawn = pictures
        assert_array_equal(line(drawn["paths"].figure, "the flow")[1], plan["paths.flow"])
        for id, label, name in (
            ("warnings", "predicted, linear noise", "warnings.variance"),
            ("delays", "predicted, 2.338 ρ^(2/3) b^(-1/3)", "ramps.delays"),
            ("collapse", "predicted fold g_fold(K)", "collapse.folds"),
        ):
            assert_array_equal(line(drawn[id].figure, label)[1], plan[name])

    def test_paths_are_the_sampled_ones(self, pictures):
        measured, drawn = pictures
        lines = drawn["paths"].figure.axes[0].get_lines()
        seen = np.concatenate([part.ravel() for part in (measured[f"samples/{k}"]["paths"] for k in (0, 1))])
        assert_array_equal(np.concatenate([each.get_ydata() for each in lines[:-1]]), seen)

    def test_collapse_shows_release_and_onset(self, pictures, plan):
        measured, drawn = pictures
        for case, k in enumerate(PROFILE.collapse.experts):
            onset, release = effects.onset_and_release(plan, PROFILE.collapse, measured, case)
            assert np.all((release >= released(k)) & (release < released(k) * 1.02))
            for label, values in (("measured onset, sweeping up", onset), ("measured release, sweeping down", release)):
                assert_array_equal(line(drawn["collapse"].figure, label)[1][24 * case : 24 * case + 24], values)

    SOFT = {"experts K": "2", "selection": "soft"}  # noqa: RUF012
    POINT = {"gain g": "1.45", "reduced asymmetry η": "0.06", "start u(0)": "0.35", "time": "2"}  # noqa: RUF012

    @pytest.mark.parametrize(
        ("id", "expected"),
        [
            ("paths", SOFT | POINT | {"batch size B": "1", "routers": "3"}),
            ("errors", SOFT | POINT | {"batch size B": "1", "routers per seed": "21", "seeds": "9"}),
            ("attractors", SOFT | {"gains g": "0.98 and 1.3", "asymmetries": "0 and 0.5", "step δ": "με = 0.24",
                                   "batch size B": "4097", "time": "1400", "seeds": "4"}),
            ("escapes", SOFT | {"gain g": "1.52", "reduced asymmetry η": "0", "batch size B": "1",
                                "routers per seed": "99", "seeds": "5"}),
            ("warnings", SOFT | {"gain g": "1.6", "step δ": "με = 0.003", "batch size B": "12",
                                 "routers per seed": "17", "seeds": "6"}),
            ("delays", SOFT | {"gain g": "1.7", "step δ": "με = 0.12", "batch size B": "999999", "seeds": "7"}),
            ("collapse", {"selection": "soft", "reduced asymmetry η": "0", "step δ": "με = 0.022", "batch size B": "63",
                          "time": "110", "seeds": "24"}),
        ],
    )  # fmt: skip
    def test_captions_state_the_profile(self, pictures, id, expected):
        assert stated(pictures[1][id].caption) == expected
