import json
import os
import re
import subprocess
from dataclasses import replace
from datetime import UTC, datetime

import jsonschema
import numpy as np
import pytest

import moecusp as mc
from moecusp.report import Figure, Report, Table, Verdict, check_folder, collect, exact, judge, schema, student, write
from moecusp.report.figures import canvas, style, svg


def finding(samples=(1.0, 1.01, 0.99, 1.0), **more):
    return judge("a.claim", "the ratio is 1 & <more>", "ratio", student(samples), (0.9, 1.1), **more)


@pytest.fixture(name="report")
def _report():
    with style():
        figure, axes = canvas()
        axes.plot([0, 1], [0, 1], label="a line")
        picture = svg(figure, "A <line>")
    return Report(
        title="A title <b>",
        summary="A summary.",
        study="demo",
        profile="quick",
        provenance=collect("python -m demo", 3, datetime.now(UTC)),
        parameters={"decay": 1.0},
        findings=(finding(), finding([1.0, 1.0], expected=Verdict.INCONCLUSIVE)),
        figures=(Figure("line", "A line", picture, "Fixed: decay = 1."),),
        tables=(Table("t", "A table", ("a", "b"), (("1", "2 | 3"),)),),
        notes=("A note.",),
        data={"missing": float("nan"), "deep": [{"x": float("inf")}]},
    )


class TestJudge:
    def test_supported_refuted_inconclusive(self):
        rng = np.random.default_rng(0)
        assert finding(1 + 0.01 * rng.normal(size=10)).verdict is Verdict.SUPPORTED
        assert finding(1.3 + 0.01 * rng.normal(size=10)).verdict is Verdict.REFUTED
        assert finding(0.7 + 0.01 * rng.normal(size=10)).verdict is Verdict.REFUTED
        assert finding(1.1 + 0.01 * rng.normal(size=10)).verdict is Verdict.INCONCLUSIVE
        assert finding(1 + 0.5 * rng.normal(size=10)).verdict is Verdict.INCONCLUSIVE

    def test_too_little_data_is_inconclusive(self):
        assert finding([1.0, 1.0]).verdict is Verdict.INCONCLUSIVE
        assert finding([1.0, 1.0, 1.0, float("nan")]).verdict is Verdict.INCONCLUSIVE
        assert finding(able=False).verdict is Verdict.INCONCLUSIVE

    def test_an_exact_number_needs_no_seeds_and_one_number_only(self):
        assert judge("a", "a", "a", exact(1.0), (0.9, 1.1)).verdict is Verdict.SUPPORTED
        assert judge("a", "a", "a", exact(1.2), (0.9, 1.1)).verdict is Verdict.REFUTED
        assert (exact(1.0).low, exact(1.0).high, exact(1.0).confidence) == (1.0, 1.0, 1.0)
        with pytest.raises(mc.ParameterError, match="one number"):
            exact([1.0, 1.0])  # type: ignore[arg-type]

    def test_false_alarm_rate_is_as_stated(self):
        """A true effect on the band's edge is called SUPPORTED, and called REFUTED, at the stated rate each.

        20,000 runs; false alarms of this test below 1e-6 (5 standard deviations).
        """
        rng, runs = np.random.default_rng(1), 20_000
        verdicts = [judge("a", "a", "a", student(x, 0.9), (0.0, 9.0)).verdict for x in rng.normal(size=(runs, 6))]
        for verdict in (Verdict.SUPPORTED, Verdict.REFUTED):
            rate = sum(v is verdict for v in verdicts) / runs
            assert rate == pytest.approx(0.05, abs=5 * (0.05 * 0.95 / runs) ** 0.5)

    def test_interval_is_students(self):
        """Against the tabulated quantile t(0.975, 3) = 3.182446."""
        found = student([1.0, 2.0, 3.0, 4.0], confidence=0.95)
        half = 3.182446 * np.std([1, 2, 3, 4], ddof=1) / 2
        assert (found.low, found.high) == pytest.approx((2.5 - half, 2.5 + half), rel=1e-6)

    @pytest.mark.parametrize(
        "arguments",
        [
            {"samples": []},
            {"samples": [[1.0]]},
            {"samples": [float("nan")]},
            {"samples": [float("inf"), 1.0]},
            {"samples": [1.0], "confidence": 1.0},
        ],
    )
    def test_bad_input(self, arguments):
        with pytest.raises(mc.ParameterError):
            student(**arguments)

    @pytest.mark.parametrize("accepted", [(1.0, 1.0), (1.0, 0.0), (0.0, float("nan"))])
    def test_a_band_has_an_inside(self, accepted):
        with pytest.raises(mc.ParameterError, match="accepted"):
            judge("a", "a", "a", exact(1.0), accepted)


class TestWrite:
    def test_three_forms(self, report, tmp_path):
        page = write(report, tmp_path / "out")
        assert sorted(os.listdir(page.parent)) == ["figures", "index.html", "report.json", "report.md"]
        text = page.read_text()
        assert "A title &lt;b&gt;" in text
        assert "the ratio is 1 &amp; &lt;more&gt;" in text
        markdown = (page.parent / "report.md").read_text()
        for word in ("SUPPORTED", "INCONCLUSIVE", "figures/line.svg", "Fixed: decay = 1."):
            assert word in markdown
        assert (page.parent / "figures" / "line.svg").read_text().startswith("<svg")

    def test_the_page_needs_no_network(self, report, tmp_path):
        text = write(report, tmp_path / "out").read_text()
        for link in re.findall(r"""(?:src|href)=["']([^"']+)""", text):
            assert link.startswith("#")
        assert "<script" not in text
        assert "@import" not in text

    def test_json_fits_its_schema_and_has_no_nan(self, report, tmp_path):
        content = json.loads((write(report, tmp_path / "out").parent / "report.json").read_text())
        jsonschema.validate(content, schema())
        assert content["data"] == {"missing": None, "deep": [{"x": None}]}
        assert content["findings"][1]["interval"]["low"] is None
        assert content["sound"] is True

    def test_a_report_outside_the_schema_is_not_written(self, report, tmp_path):
        with pytest.raises(jsonschema.ValidationError):
            write(replace(report, title=3), tmp_path / "out")
        assert list(tmp_path.iterdir()) == []

    def test_an_earlier_report_is_replaced_whole(self, report, tmp_path):
        write(report, tmp_path / "out")
        write(replace(report, figures=()), tmp_path / "out")
        assert list((tmp_path / "out" / "figures").iterdir()) == []
        assert os.listdir(tmp_path) == ["out"]

    @pytest.mark.parametrize("broken", ["_render", "_replace"])
    def test_a_failure_leaves_the_earlier_report(self, report, tmp_path, monkeypatch, broken):
        before = write(report, tmp_path / "out").read_text()

        def fail(*_):
            raise KeyboardInterrupt

        monkeypatch.setattr(f"moecusp.report.document.{broken}", fail)
        with pytest.raises(KeyboardInterrupt):
            write(replace(report, title="other"), tmp_path / "out")
        assert (tmp_path / "out" / "index.html").read_text() == before
        assert os.listdir(tmp_path) == ["out"]

    def test_an_interrupt_between_the_renames_restores_the_earlier_report(self, report, tmp_path, monkeypatch):
        before = write(report, tmp_path / "out").read_text()
        rename = type(tmp_path).rename

        def once(self, target):
            if self.name.startswith(".out-") and target.name == "out" and not self.name.endswith("-old"):
                raise KeyboardInterrupt
            return rename(self, target)

        monkeypatch.setattr(type(tmp_path), "rename", once)
        with pytest.raises(KeyboardInterrupt):
            write(replace(report, title="other"), tmp_path / "out")
        assert (tmp_path / "out" / "index.html").read_text() == before

    def test_foreign_folders_are_left_alone(self, report, tmp_path):
        (tmp_path / "precious.txt").write_text("mine")
        with pytest.raises(mc.ParameterError, match=r"output = .*precious\.txt"):
            write(report, tmp_path)
        (tmp_path / "file").write_text("")
        with pytest.raises(mc.ParameterError, match=r"output = .*must be a folder"):
            check_folder(tmp_path / "file")

    def test_unwritable_folders_are_refused_beforehand(self, tmp_path):
        for impossible in ("/proc/report", "/dev/null/report"):
            with pytest.raises((mc.ParameterError, OSError)):
                check_folder(type(tmp_path)(impossible))

    def test_a_failed_control_is_shouted(self, report, tmp_path):
        unsound = replace(report, findings=(finding(expected=Verdict.REFUTED),))
        assert not unsound.sound
        page = write(unsound, tmp_path / "out")
        assert "not sound" in page.read_text()
        assert "not sound" in (page.parent / "report.md").read_text()


def test_pictures_are_the_same_to_the_byte():
    def draw():
        with style():
            figure, axes = canvas()
            axes.plot([0, 1], [1, 0], "o-", label="x")
            return svg(figure, "twice")

    assert draw() == draw()


def test_ids_of_two_pictures_do_not_clash(report):
    with style():
        figures = []
        for label in ("one", "two"):
            figure, axes = canvas()
            axes.plot([0, 1], [1, 0])
            figures.append(set(re.findall(r'\bid="([^"]+)"', svg(figure, label))))
    assert not figures[0] & figures[1]


def test_provenance_names_commit_versions_and_device(report):
    found = report.provenance
    assert {"python", "moecusp", "numpy", "torch", "matplotlib"} <= set(found.versions)
    folder = os.path.dirname(mc.__file__)
    head = subprocess.run(["git", "-C", folder, "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    if head.returncode == 0:
        assert found.commit.rstrip("+") == head.stdout.strip()
    else:
        assert found.commit == "unknown"
    assert found.device.endswith("cores")
