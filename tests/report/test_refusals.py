"""What is refused is said in full: the argument, its value and what is allowed, word for word."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import moecusp as mc
from moecusp.report import (
    Figure,
    Interval,
    check_folder,
    clopper_pearson,
    cluster_bootstrap,
    equivalence,
    exact,
    holm,
    judge,
    student,
)
from tests.report.sample import report

RNG = np.random.default_rng(0)
MAKERS: dict[str, tuple[Callable[[], object], str, str]] = {
    "student": (lambda: student([]), "samples = []", "a vector with one value for each of the seeds, not all missing"),
    "unit": (
        lambda: equivalence([], unit="routers"),
        "samples = []",
        "a vector with one value for each of the routers, not all missing",
    ),
    "level": (lambda: equivalence([1.0], 0.5), "level = 0.5", "finite and real and > 0 and < 0.5"),
    "confidence": (lambda: student([1.0], 1.0), "confidence = 1.0", "finite and real and > 0 and < 1"),
    "shares": (lambda: clopper_pearson(1, 2, 0.0), "confidence = 0.0", "finite and real and > 0 and < 1"),
    "successes": (lambda: clopper_pearson(3, 2), "successes = 3", "<= trials = 2"),
    "fewer": (lambda: clopper_pearson(-1, 2), "successes = -1", "an integer >= 0"),
    "trials": (lambda: clopper_pearson(0, 0), "trials = 0", "an integer >= 1"),
    "source": (lambda: cluster_bootstrap([1.0], [0], source=0), "source = 0", "a numpy.random.Generator"),  # type: ignore[arg-type]
    "clusters": (
        lambda: cluster_bootstrap([1.0], [0, 1], source=RNG),
        "clusters = [0, 1]",
        "a vector with one label for each sample",
    ),
    "resamples": (
        lambda: cluster_bootstrap([1.0], [0], source=RNG, resamples=99),
        "resamples = 99",
        "an integer >= 100",
    ),
    "exact": (lambda: exact(np.nan), "value = nan", "finite and real"),
    "holm": (lambda: holm([[0.5]]), "p_values = [[0.5]]", "a vector"),
    "interval": (
        lambda: judge("a", "a", "a", 1.0, (0.0, 1.0)),  # type: ignore[arg-type]
        "interval = 1.0",
        "an Interval, made by student, exact or a function beside them",
    ),
    "accepted": (
        lambda: judge("a", "a", "a", exact(1.0), (1.0, 1.0)),
        "accepted = (1.0, 1.0)",
        "a band (low, high) with low < high",
    ),
    "figure": (
        lambda: Figure("a b", "", "", ""),
        "id = 'a b'",
        "1 to 100 letters, digits, dots, dashes and underscores, no dot first",
    ),
}


@pytest.mark.parametrize("name", MAKERS)
def test_of_data(name: str) -> None:
    call, shown, allowed = MAKERS[name]
    with pytest.raises(mc.ParameterError) as error:
        call()
    assert str(error.value) == f"{shown}: {shown.split(' = ')[0]} must be {allowed}"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"low": 2.0}, "low and high = (2.0, 1.0): low and high must be numbers with low <= high"),
        ({"confidence": 1.1}, "confidence = 1.1: confidence must be > 0 and <= 1"),
        ({"detectable": -1.0}, "detectable = -1.0: detectable must be >= 0"),
        ({"n": 0}, "n = 0: n must be an integer >= 1"),
    ],
)
def test_of_intervals(wrong: dict[str, float], said: str) -> None:
    right = {"estimate": 0.5, "low": 0.0, "high": 1.0, "confidence": 0.9, "n": 3, "detectable": 1.0}
    with pytest.raises(mc.ParameterError) as error:
        Interval(**{**right, **wrong}, unit="s", method="m")  # type: ignore[arg-type]
    assert str(error.value) == said


def test_figures_of_one_name() -> None:
    figure = Figure("A", "", "", "")
    with pytest.raises(mc.ParameterError) as error:
        replace(report(), figures=(figure, replace(figure, id="a")), sections=())
    assert str(error.value) == "figures = ['a', 'a']: figures must be figures whose ids differ, in more than their case"


class TestOfFolders:
    def said(self, folder: Path) -> str:
        with pytest.raises(mc.ParameterError) as error:
            check_folder(folder)
        assert (error.value.name, error.value.value) == ("output", str(folder))
        return error.value.allowed

    def test_names(self, tmp_path: Path) -> None:
        assert self.said(tmp_path / "a\0b") == "a name without NUL"
        assert self.said(tmp_path / "a\udcffb") == "a name in UTF-8"
        assert self.said(tmp_path / ("x" * 256)) == "a folder that can be written (File name too long)"
        (tmp_path / "loop").symlink_to(tmp_path / "loop")
        assert self.said(tmp_path / "loop") == "a folder, not a link that leads to itself"

    def test_contents(self, tmp_path: Path) -> None:
        (tmp_path / "mine").write_text("")
        assert self.said(tmp_path / "mine") == "a folder"
        assert self.said(tmp_path) == "a folder of its own: this one holds 'mine', which no report there has written"

    def test_places(self) -> None:
        assert self.said(Path("/")) == "a folder that can be renamed, such as one inside this mount point"


def test_methods_are_named() -> None:
    assert student([1.0, 2.0, 3.0]).method == student([1.0]).method == "Student"
    assert equivalence([1.0, 2.0, 3.0]).method == "two one-sided t tests"
    assert clopper_pearson(1, 2).method == "Clopper-Pearson"
    assert exact(1.0).method == "exact"
    few = cluster_bootstrap([1.0, 2.0], [0, 1], source=RNG, unit="documents")
    more = cluster_bootstrap(np.arange(9.0), np.arange(9), source=RNG, confidence=0.8, resamples=100, unit="documents")
    assert np.isinf(few.high)
    assert np.isfinite(more.high)
    for found, n in ((few, 2), (more, 9)):
        assert (found.method, found.unit, found.n) == ("bootstrap over clusters", "documents", n)
