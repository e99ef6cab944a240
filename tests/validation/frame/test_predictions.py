"""Predictions by several subjects: each is kept as it ends, and none of another run is taken for one's own."""

from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest

from tests.validation import stub
from validation.predictions import joined, predicted, silent
from validation.routers.study import STUDY as ROUTERS
from validation.seeds.runs import run as run_seeds
from validation.trained.study import STUDY as TRAINED

REQUEST = {"study": "s", "profile": {"name": "p"}, "seed": 3, "sources": "a"}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "parts").mkdir()
    return tmp_path


class Predictors:
    """One for each name, the one called `broken` interrupted; what was called is noted."""

    def __init__(self, *names, broken=""):
        self.called: list[str] = []

        def of(name):
            def predict(profile, seed):
                self.called.append(name)
                if name == broken:
                    raise KeyboardInterrupt
                return {name: np.array([float(seed), 0.1])}

            return predict

        self.all = tuple(of(name) for name in names)


def run(predictors, folder, progress=silent, say=lambda text: None, **other):
    return predicted(predictors.all, None, 3, REQUEST | other, folder, progress, say)


def test_an_interrupted_one_goes_on_where_it_was(folder):
    first, second = Predictors("x", "y", "z", broken="y"), Predictors("x", "y", "z")
    with pytest.raises(KeyboardInterrupt):
        run(first, folder)
    found = run(second, folder)
    assert (first.called, second.called) == (["x", "y"], ["y", "z"])
    assert {name: values.tolist() for name, values in found.items()} == {key: [3.0, 0.1] for key in "xyz"}


@pytest.mark.parametrize("other", [{"seed": 4}, {"sources": "b"}, {"profile": {"name": "q"}}], ids=str)
def test_those_of_another_run_are_made_again(folder, other):
    run(Predictors("x", "y"), folder)
    again, said = Predictors("x", "y"), list[str]()
    run(again, folder, say=said.append, **other)
    assert again.called == ["x", "y"]
    assert said == [f"predicted@{n}.npz is of another run: it is predicted again" for n in (0, 1)]


def test_a_damaged_one_is_made_again(folder):
    run(Predictors("x", "y"), folder)
    (folder / "parts" / "predicted@1.npz").write_bytes(b"PK")
    again, said = Predictors("x", "y"), list[str]()
    run(again, folder, say=said.append)
    assert again.called == ["y"]
    assert said == ["predicted@1.npz is damaged: it is predicted again"]


def test_progress_is_shown(folder):
    seen = []

    @contextmanager
    def progress(*what):
        seen.append(what)
        yield seen.append

    run(Predictors("x", "y"), folder, progress)
    assert seen == [("Predictions", 2, 0), 1, 1]


def test_of_a_single_one_nothing_is_kept(folder):
    assert list(run(Predictors("x"), folder)) == ["x"]
    assert not list((folder / "parts").iterdir())


def test_no_two_predict_the_same():
    with pytest.raises(ValueError, match=r"two subjects predict \['x'\]"):
        joined([{"x": 1.0, "y": 2.0}, {"x": 1.0}])


@pytest.mark.parametrize("study", [ROUTERS, TRAINED], ids=lambda study: study.name)
def test_studies_of_subjects_predict_by_them(study):
    assert len(study.predictors) > 4


def test_a_run_goes_on_with_what_was_predicted(tmp_path):
    """The second command predicts what the first had not, and the plan holds both."""
    profile, first, second = stub.STUDY.profiles["smoke"], Predictors("x", "y", broken="y"), Predictors("x", "y")
    whole = stub.predict(profile, 0)

    def study(given):
        def rest(profile, seed):
            given.all[1](profile, seed)
            return whole

        return replace(stub.STUDY, predictors=(given.all[0], rest))

    def results(of):
        return run_seeds(of, profile, range(2), tmp_path / "work", (), lambda more: None, lambda text: None, False)

    with pytest.raises(KeyboardInterrupt):
        results(study(first))
    assert len(results(study(second))) == 2
    assert (first.called, second.called) == (["x", "y"], ["y", "x", "y"])
