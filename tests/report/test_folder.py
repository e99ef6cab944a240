"""Nothing of the user's is lost, and nothing is left half-written or hidden."""

import hashlib
import json
import os
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

import moecusp as mc
from moecusp.report import check_folder, folder, write
from tests.report.sample import report


@pytest.fixture(name="sample")
def _sample():
    return report()


@pytest.fixture(name="out")
def _out(sample, tmp_path):
    return write(sample, tmp_path / "out").parent


def contents(top):
    return {p.relative_to(top).as_posix(): p.is_file() and p.read_bytes() for p in sorted(top.rglob("*"))}


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


TEXTS = {"index.html": "page \udcff", "figures/a.svg": "<svg/>"}
HASHES = {
    "figures/a.svg": hashlib.sha256(b"<svg/>").hexdigest(),
    "index.html": hashlib.sha256(b"page \\udcff").hexdigest(),
}


def put(where, **marker):
    """Write two files and a report.json with their manifest, or with another marker."""
    return folder.replace_folder({**TEXTS, "report.json": json.dumps(marker or folder.manifest(TEXTS))}, where)


class TestSmall:
    """What `write` does with the files of a report, with two of a word each."""

    def test_the_manifest(self):
        assert folder.manifest(TEXTS) == {"generator": "moecusp", "files": HASHES}
        assert list(folder.manifest(TEXTS)["files"]) == list(HASHES)  # sorted

    def test_all_files_with_the_folders_they_need(self, tmp_path):
        assert put(tmp_path / "a" / "b" / "out") == tmp_path / "a" / "b" / "out"
        assert contents(tmp_path / "a" / "b") == {
            "out": False, "out/figures": False, "out/figures/a.svg": b"<svg/>", "out/index.html": b"page \\udcff",
            "out/report.json": json.dumps(folder.manifest(TEXTS)).encode(),
        }  # fmt: skip
        assert os.listdir(tmp_path / "a" / "b") == ["out"]
        put(tmp_path / "a" / "b" / "out")

    def test_in_place_of_its_own_and_of_nothing_else(self, tmp_path):
        out = put(tmp_path / "out")
        check_folder(out)
        folder.replace_folder({"report.json": json.dumps(folder.manifest({}))}, out)
        assert os.listdir(out) == ["report.json"]
        for mine in ("mine", "index.html"):
            (out / mine).mkdir()
            with pytest.raises(mc.ParameterError, match=f"holds {mine!r}"):
                check_folder(out)
            (out / mine).rmdir()
        old = {"schema_version": 1, "study": 0, "provenance": 0, "findings": 0, "figures": []}
        for marker in (folder.manifest({}), old):  # an empty folder for pictures is a report's
            (out / "report.json").write_text(json.dumps(marker))
            (out / "figures").mkdir(exist_ok=True)
            check_folder(out)

    @pytest.mark.parametrize("name", ["figures/a.svg", "index.html"])
    def test_what_was_changed_is_not_its_own(self, tmp_path, name):
        out = put(tmp_path / "out")
        (out / name).write_text("mine")
        with pytest.raises(mc.ParameterError, match=f"holds '{name}'"):
            check_folder(out)
        (out / name).unlink()
        check_folder(out)

    @pytest.mark.parametrize(
        ("marker", "known"),
        [
            ({"generator": "moecusp", "files": HASHES}, True),
            ({"generator": "MOECUSP", "files": HASHES}, False),
            ({"generator": "moecusp"}, False),
            ({"generator": "moecusp", "files": 3}, False),
            ({"schema_version": 1, "study": 0, "provenance": 0, "findings": 0, "figures": [{"id": "a"}]}, True),
            ({"schema_version": 2, "study": 0, "provenance": 0, "findings": 0, "figures": [{"id": "a"}]}, False),
            ({"schema_version": 1, "provenance": 0, "findings": 0, "figures": [{"id": "a"}]}, False),
            ({"schema_version": 1, "study": 0, "findings": 0, "figures": [{"id": "a"}]}, False),
            ({"schema_version": 1, "study": 0, "provenance": 0, "figures": [{"id": "a"}]}, False),
            ({"schema_version": 1, "study": 0, "provenance": 0, "findings": 0, "figures": [{"id": "b"}]}, False),
            ({"schema_version": 1, "study": 0, "provenance": 0, "findings": 0}, False),
        ],
    )
    def test_whose_folder_it_is(self, tmp_path, marker, known):
        out = put(tmp_path / "out", **marker)
        (out / "report.md").write_text("")
        if marker.get("generator"):
            (out / "report.md").unlink()  # such a marker names every file
        if known:
            check_folder(out)
        else:
            with pytest.raises(mc.ParameterError, match="which no report there has written"):
                check_folder(out)

    @pytest.mark.parametrize("marker", ["", "[]", "3", "{", "[" * 9999, "\udcff"])
    def test_what_is_no_marker(self, tmp_path, marker):
        out = put(tmp_path / "out")
        (out / "report.json").write_bytes(marker.encode(errors="surrogateescape"))
        with pytest.raises(mc.ParameterError, match=r"holds 'figures'"):
            check_folder(out)

    def test_what_is_tried_beforehand(self, tmp_path, monkeypatch):
        """All that will be made, under names as long, in a hidden folder beside the place, and nothing is left."""
        seen, remove = [], shutil.rmtree

        def note(where):
            where = Path(where)
            seen.append((where.parent, where.name[:9], contents(where)))
            remove(where)

        monkeypatch.setattr(shutil, "rmtree", note)
        check_folder(tmp_path / "a" / "b")
        longest = "x" * folder.LONGEST_NAME
        tree = {"a": False, "a/b": False, "a/b/figures": False, f"a/b/figures/{longest}": b""}
        assert seen == [(tmp_path, ".moecusp-", tree)]
        put(tmp_path / "b")
        assert [each[:2] for each in seen[1:]] == [(tmp_path, ".moecusp-")] * 2
        assert os.listdir(tmp_path) == ["b"]

    def test_a_folder_that_may_not_be_emptied(self, tmp_path, monkeypatch):
        out, asked = put(tmp_path / "out"), []

        def access(path, mode):
            asked.append((path, mode))
            return False

        monkeypatch.setattr(os, "access", access)
        with pytest.raises(mc.ParameterError) as error:
            check_folder(out)
        assert error.value.allowed == "a folder that can be written (no permission to empty figures)"
        assert asked == [(str(out / "figures"), os.W_OK | os.X_OK)]

    @pytest.mark.parametrize(("raised", "said"), [(OSError(5, "worn out"), "worn out"), (OSError(), "OSError")])
    def test_why_it_cannot_be_written(self, tmp_path, monkeypatch, raised, said):
        def fail(**_):
            raise raised

        monkeypatch.setattr(tempfile, "mkdtemp", fail)
        with pytest.raises(mc.ParameterError) as error:
            check_folder(tmp_path / "out")
        assert error.value.allowed == f"a folder that can be written ({said})"

    def test_a_failure_between_the_renames_puts_the_earlier_one_back(self, tmp_path, monkeypatch):
        out, rename = put(tmp_path / "out"), Path.rename
        before = contents(out)

        def once(self, target):
            if self.name == "new":
                raise OSError(5, "worn out")
            return rename(self, target)

        monkeypatch.setattr(Path, "rename", once)
        with pytest.raises(OSError, match="worn out"):
            put(out)
        assert contents(out) == before
        assert os.listdir(tmp_path) == ["out"]
        with pytest.raises(OSError, match="worn out"):
            put(tmp_path / "other")
        assert os.listdir(tmp_path) == ["out"]

    def test_links_are_followed(self, tmp_path):
        (tmp_path / "real").mkdir()
        (tmp_path / "link").symlink_to(tmp_path / "real")
        assert put(tmp_path / "link") == tmp_path / "real"
        assert put(tmp_path / "link" / "in") == tmp_path / "real" / "in"  # which the marker does not name
        with pytest.raises(mc.ParameterError, match="holds 'in'"):
            check_folder(tmp_path / "link")
        (tmp_path / "real" / "figures" / "a.svg").unlink()
        (tmp_path / "real" / "figures" / "a.svg").symlink_to(tmp_path / "real" / "in" / "figures" / "a.svg")
        with pytest.raises(mc.ParameterError, match=r"holds 'figures/a\.svg'"):
            check_folder(tmp_path / "link")


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
