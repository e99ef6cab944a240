"""Nothing of the user's is lost, and nothing is left half-written or hidden, wherever a report is to lie."""

import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

import moecusp as mc
from moecusp.report import check_folder, folder, write
from tests.report.sample import contents, report


@pytest.fixture(name="sample")
def _sample():
    return report()


@pytest.fixture(name="out")
def _out(sample, tmp_path):
    return write(sample, tmp_path / "out").parent


def refused(sample, where, named):
    """Assert that the folder is refused beforehand and at the writing, with a name, and left as it was."""
    before = contents(where.parent)
    for ask in (lambda: check_folder(where), lambda: write(sample, where)):
        with pytest.raises(mc.ParameterError, match="output = ") as error:
            ask()
        assert named in str(error.value)
        assert contents(where.parent) == before


class TestForeign:
    @pytest.mark.parametrize("name", ["index.html", "report.json", "report.md", "figures/fig1.tex", "figures/line.svg"])
    def test_alone(self, sample, tmp_path, name):
        path = tmp_path / "out" / name
        path.parent.mkdir(parents=True)
        path.write_text("{}")
        refused(sample, tmp_path / "out", name.split("/")[0])

    @pytest.mark.parametrize(
        "name", ["thesis.tex", "figures/fig1.tex", "figures/deep/a.svg", "figures/three.svg", ".git/config", "zz/a"]
    )
    def test_beside_a_report(self, sample, out, name):
        (out / name).parent.mkdir(exist_ok=True)
        (out / name).write_text("mine")
        refused(sample, out, name if name.startswith("figures/f") else name.split("/")[0])

    @pytest.mark.parametrize("name", ["index.html", "report.md", "figures/two.svg"])
    def test_changed_since(self, sample, out, name):
        (out / name).write_text((out / name).read_text() + "my remark")
        refused(sample, out, name)

    def test_folders_and_links_within(self, sample, out, tmp_path):
        (out / "figures" / "mine").mkdir()
        refused(sample, out, "figures/mine")
        (out / "figures" / "mine").rmdir()
        (tmp_path / "elsewhere.svg").write_bytes((out / "figures" / "line.svg").read_bytes())
        (out / "figures" / "line.svg").unlink()
        (out / "figures" / "line.svg").symlink_to(tmp_path / "elsewhere.svg")
        refused(sample, out, "figures/line.svg")

    @pytest.mark.parametrize(
        "marker", ["", "[]", "3", '{"generator": "other"}', '{"generator": "moecusp"}', "[" * 9999]
    )
    def test_a_report_json_that_is_not_ours(self, sample, tmp_path, marker):
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "report.json").write_text(marker)
        refused(sample, tmp_path / "out", "report.json")

    def test_a_file(self, sample, tmp_path):
        (tmp_path / "out").write_text("mine")
        refused(sample, tmp_path / "out", "must be a folder")

    def test_part_of_a_report_is_still_ours(self, sample, out):
        (out / "index.html").unlink()
        write(sample, out)

    def test_a_report_of_the_first_schema_is_known_by_its_names(self, sample, out):
        content = json.loads((out / "report.json").read_text())
        del content["generator"], content["files"]
        (out / "report.json").write_text(json.dumps({**content, "schema_version": 1}))
        refused(sample, out, "figures/two.svg")  # a picture that its report.json does not name: sections came later
        (out / "figures" / "two.svg").unlink()
        write(sample, out)


class TestLinks:
    def test_a_link_to_a_folder_is_followed_and_stays(self, sample, tmp_path):
        (tmp_path / "real" / "there").mkdir(parents=True)
        link = tmp_path / "link"
        link.symlink_to(tmp_path / "real" / "there")
        for _ in range(2):
            page = write(sample, link)
            assert link.is_symlink()
            assert page == link / "index.html"
            assert (tmp_path / "real" / "there" / "index.html").is_file()
            assert sorted(os.listdir(tmp_path)) == ["link", "real"]
            assert os.listdir(tmp_path / "real") == ["there"]

    def test_what_it_leads_to_is_checked(self, sample, tmp_path):
        (tmp_path / "real").mkdir()
        (tmp_path / "real" / "thesis.tex").write_text("mine")
        (tmp_path / "link").symlink_to(tmp_path / "real")
        refused(sample, tmp_path / "link", "thesis.tex")

    def test_a_link_to_itself(self, sample, tmp_path):
        (tmp_path / "link").symlink_to(tmp_path / "link")
        refused(sample, tmp_path / "link", "link")


class TestNames:
    @pytest.mark.parametrize("name", ["a\0b", "a\udcffb", "x" * 256, "x/" * 2100 + "x", "file/report", "file/a/b"])
    def test_that_cannot_be(self, sample, tmp_path, name):
        (tmp_path / "file").write_text("mine")
        for ask in (lambda: check_folder(tmp_path / name), lambda: write(sample, tmp_path / name)):
            with pytest.raises(mc.ParameterError, match="output = "):
                ask()
        assert os.listdir(tmp_path) == ["file"]

    @pytest.mark.parametrize("impossible", ["/proc/report", "/dev/null/report", "/"])
    def test_places_that_cannot_be_written(self, impossible):
        with pytest.raises(mc.ParameterError, match="output = "):
            check_folder(Path(impossible))

    @pytest.mark.parametrize("name", ["x" * 255, "a b", "ü", "a/b/c", ".hidden"])
    def test_that_can(self, sample, tmp_path, name):
        check_folder(tmp_path / name)
        assert os.listdir(tmp_path) == []
        assert write(sample, tmp_path / name).is_file()

    def test_the_longest_name_of_a_figure_fits_the_probe(self):
        assert len("x" * 100 + ".svg") <= folder.LONGEST_NAME


class TestReplacement:
    def test_whole(self, sample, out):
        write(replace(sample, figures=()), out)
        assert os.listdir(out / "figures") == ["two.svg"]
        assert os.listdir(out.parent) == ["out"]

    @pytest.mark.parametrize("broken", ["_encoded", "_swap"])
    def test_a_failure_leaves_the_earlier_report(self, sample, out, monkeypatch, broken):
        before = contents(out.parent)

        def fail(*_):
            raise KeyboardInterrupt

        monkeypatch.setattr(folder, broken, fail)
        with pytest.raises(KeyboardInterrupt):
            write(replace(sample, title="other"), out)
        assert contents(out.parent) == before

    @pytest.mark.parametrize("moment", [0, 1])
    @pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
    def test_an_interrupt_at_either_rename_restores_it(self, sample, out, monkeypatch, moment, error):
        before, rename, calls = contents(out.parent), Path.rename, []

        def once(self, target):
            calls.append(target)
            if len(calls) == moment + 1:
                raise error
            return rename(self, target)

        monkeypatch.setattr(Path, "rename", once)
        with pytest.raises(error):
            write(replace(sample, title="other"), out)
        assert len(calls) > moment
        assert contents(out.parent) == before

    def test_the_manifest_is_that_of_the_files(self, out):
        files = json.loads((out / "report.json").read_text())["files"]
        found = {name: hashlib.sha256(text).hexdigest() for name, text in contents(out).items() if text is not False}
        assert files == {name: each for name, each in found.items() if name != "report.json"}
