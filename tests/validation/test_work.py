"""The work folder: its names on disk, what is refused and in which words, what makes a plan another one."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from moecusp import ParameterError
from validation.storage import Stored, load, save
from validation.work import discard, keep, kept, now, opened, part_path, plan_digest, planned, sources, work_folder

REQUEST = {"study": "s", "profile": {"name": "smoke"}, "seed": 3, "sources": "a" * 64}


def refused(call, *arguments, **more) -> str:
    with pytest.raises(ParameterError) as caught:
        call(*arguments, **more)
    return str(caught.value)


def opening(folder, fresh=False) -> None:
    with opened(folder, fresh):
        pass


def predictions():
    return {"x": np.arange(3.0), "one": 2.5}


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Path:
    opening(tmp_path / "report.work")
    return tmp_path / "report.work"


def plan_of(folder: Path, **changed):
    return planned(folder, REQUEST | changed, predictions)


class TestNames:
    def test_the_folder_lies_beside_the_output(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        assert work_folder(tmp_path / "a" / "report") == tmp_path / "a" / "report.work"
        monkeypatch.chdir(tmp_path)
        assert work_folder(Path("x/../report.v2")) == tmp_path / "report.v2.work"

    def test_on_disk(self, folder: Path) -> None:
        """Another version of the program must find them again."""
        plan = plan_of(folder)
        keep(folder, "onset/0", plan, "then", {"x": np.zeros(2)})
        keep(folder, "alone", plan, "then", {"x": np.zeros(2)})
        found = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))
        assert found == ["lock", "parts", "parts/alone.npz", "parts/onset@0.npz", "plan.npz"]
        header = load(folder / "parts/onset@0.npz").header
        assert dict(header) == {"plan": plan.sha256, "part": "onset/0", "started": "then"}
        stored = load(folder / "plan.npz").header
        assert dict(stored) == {**REQUEST, "written": plan.written}

    @pytest.mark.parametrize("name", ["onset/0", "a.b_c-9/0.5", "0"])
    def test_good(self, name: str) -> None:
        assert part_path(Path("f"), name) == Path("f/parts") / (name.replace("/", "@") + ".npz")

    @pytest.mark.parametrize("name", ["", "A", "_a", "a/B", "a/b/c", "a/", "/a", "a/_", "a@b", "a\n"])
    def test_bad(self, name: str) -> None:
        text = f"part {name!r}: a name is claim/case in lower-case letters, digits and '_.-'"
        with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
            part_path(Path("f"), name)


class TestFolder:
    def test_is_free_again_afterwards_and_made_with_its_parents(self, tmp_path: Path) -> None:
        folder = tmp_path / "a" / "b" / "report.work"
        for _ in range(2):
            opening(folder)
        discard(folder)
        assert not folder.exists()

    def test_fresh_discards_plan_and_parts(self, folder: Path) -> None:
        keep(folder, "onset/0", plan_of(folder), "then", {"x": np.zeros(2)})
        opening(folder)
        assert (folder / "plan.npz").exists()
        assert (folder / "parts/onset@0.npz").exists()
        for _ in range(2):
            opening(folder, fresh=True)
            assert sorted(os.listdir(folder)) == ["lock", "parts"]
            assert os.listdir(folder / "parts") == []

    @pytest.mark.parametrize("left", ["plan.npz.tmp", "parts/onset@0.npz.tmp", "parts/x.npz"])
    def test_what_a_killed_run_leaves_is_of_a_run(self, folder: Path, left: str) -> None:
        (folder / left).write_bytes(b"")
        opening(folder)

    def test_one_without_parts_yet_is_of_a_run(self, folder: Path) -> None:
        (folder / "parts").rmdir()
        opening(folder)
        assert (folder / "parts").is_dir()

    @pytest.mark.parametrize("foreign", ["thesis.tex", "parts/thesis.tex", "parts/x.npz.tmp.tex", "parts.npz"])
    def test_what_no_run_leaves_is_refused(self, folder: Path, foreign: str) -> None:
        (folder / foreign).write_bytes(b"")
        assert refused(opening, folder) == (
            f"output = 'report.work': output must be free for the work: what lies in {folder} is not of a run"
        )

    @pytest.mark.parametrize("kind", ["file", "link", "link to nothing", "parts are a link"])
    def test_what_is_no_folder_is_refused(self, tmp_path: Path, kind: str) -> None:
        folder, other = tmp_path / "report.work", tmp_path / "other"
        other.mkdir()
        if kind == "file":
            folder.write_text("")
        elif kind == "parts are a link":
            folder.mkdir()
            (folder / "parts").symlink_to(other)
        else:
            folder.symlink_to(other if kind == "link" else tmp_path / "nothing")
        assert "what lies in" in refused(opening, folder)
        assert list(other.iterdir()) == []

    def test_of_a_run_at_work_is_refused(self, folder: Path) -> None:
        with (folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            text = "output = 'report.work': output must be that of no other run, and one is at work in it"
            assert refused(opening, folder) == text
            assert refused(opening, folder, fresh=True) == text


class TestPlan:
    def test_of_another_request_is_refused_in_these_words(self, folder: Path) -> None:
        plan_of(folder)
        rest = f"as in the unfinished run of {folder}; --fresh discards that run"
        assert refused(plan_of, folder, seed=4) == f"seed = '4': seed must be 3 {rest}"
        for asked, shown in (({"name": "y" * 60}, 57), ("b" * 60, 60), ("b" * 61, 57)):
            with pytest.raises(ParameterError) as caught:
                plan_of(folder, profile=asked)
            assert caught.value.value == str(asked)[:shown] + "..." * (shown == 57)
        assert refused(plan_of, folder, more=1) == f"more = '1': more must be None {rest}"

    def test_damaged_is_refused_in_these_words(self, folder: Path) -> None:
        (folder / "plan.npz").write_bytes(b"PK")
        assert refused(plan_of, folder) == (
            "output = 'report.work': output must be without the damaged plan.npz: --fresh discards it"
        )

    def test_is_what_was_predicted(self, folder: Path) -> None:
        plan = plan_of(folder)
        assert plan.number("one") == 2.5
        assert type(plan.number("one")) is float
        np.testing.assert_array_equal(plan["x"], np.arange(3.0))
        again = planned(folder, REQUEST, dict)
        assert (again.sha256, again.written, sorted(again.arrays)) == (plan.sha256, plan.written, ["one", "x"])

    @pytest.mark.parametrize("key", ["study", "profile", "seed"])
    def test_its_digest_is_of_what_was_asked_and_predicted(self, tmp_path: Path, key: str) -> None:
        """Not of when it was written and by which sources: the same run makes the same plan."""
        save(tmp_path / "a.npz", {**REQUEST, "written": "then"}, predictions())
        stored = load(tmp_path / "a.npz")
        later = Stored({**stored.header, "written": "now", "sources": "b"}, stored.arrays, "")
        assert plan_digest(later) == plan_digest(stored)
        assert plan_digest(Stored({**stored.header, key: "other"}, stored.arrays, "")) != plan_digest(stored)
        assert plan_digest(Stored(stored.header, {"x": np.arange(4.0)}, "")) != plan_digest(stored)


class TestParts:
    def test_kept_ones_are_read_back(self, folder: Path) -> None:
        said: list[str] = []
        plan = plan_of(folder)
        assert kept(folder, "a/0", plan, said.append) is None
        made = keep(folder, "a/0", plan, "then", {"x": np.arange(2.0)})
        found = kept(folder, "a/0", plan, said.append)
        assert found is not None
        assert found.sha256 == made.sha256
        np.testing.assert_array_equal(found.arrays["x"], [0.0, 1.0])
        assert said == []

    def test_damaged_and_foreign_ones_are_said(self, folder: Path) -> None:
        said: list[str] = []
        plan = plan_of(folder)
        path = part_path(folder, "a/0")
        for header in ({"plan": "other", "part": "a/0"}, {"plan": plan.sha256, "part": "a/1"}, {}):
            save(path, header, {"x": np.zeros(1)})
            assert kept(folder, "a/0", plan, said.append) is None
        path.write_bytes(b"PK")
        assert kept(folder, "a/0", plan, said.append) is None
        assert said == [
            *3 * ["part a/0 is of another plan: it is measured again"],
            "part a/0 is damaged: it is measured again",
        ]


def test_sources_are_every_line_of_code_and_claims_under_its_name(tmp_path: Path) -> None:
    for name, text in (("p/a.py", "A"), ("p/in/b.py", "B"), ("p/c.toml", "C"), ("p/d.txt", "D"), ("q/a.py", "E")):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    expected = hashlib.sha256(b"p/a.py\0Ap/c.toml\0Cp/in/b.py\0Bq/a.py\0E").hexdigest()
    assert sources((tmp_path / "p", tmp_path / "q")) == expected


def test_times_are_utc_to_the_millisecond() -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", now())
    assert abs(datetime.fromisoformat(now()) - datetime.now(UTC)) < timedelta(seconds=60)
