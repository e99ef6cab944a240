"""The folder of a report, the module by itself: what is known as its own, how it is replaced, what is tried before."""

import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path

import pytest

import moecusp as mc
from moecusp.report import check_folder, folder
from tests.report.sample import contents

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
