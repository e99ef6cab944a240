"""The audit of the formal layer, Coq planted: its command, what is asked of Coq, what is made of the answers."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from proofs.coq import check
from proofs.coq.sources import Statement as Stated

Capture = pytest.CaptureFixture[str]


class TestAudit:
    """The command of the audit, Coq planted."""

    @staticmethod
    def report(monkeypatch: pytest.MonkeyPatch, **given: Any) -> list[Any]:
        stated = {
            "a.b": Stated("a.b", "a_b", "It is so.", ""),
            "long.name": Stated("long.name", "long_name", "Or.", ""),
        }
        asked: list[Any] = []

        def audit(each: bool) -> check.Report:
            asked.append(each)
            return check.Report(stated, **given)

        monkeypatch.setattr(check, "audit", audit)
        return asked

    BUILD = check.BuildResult(True, 12.34, 9.87, Path())
    CLASSIC = frozenset({"Classical_Prop.classic"})

    def test_sound(self, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
        asked = self.report(monkeypatch, build=self.BUILD, axioms={"a_b": self.CLASSIC, "long_name": frozenset()})
        assert check.main([]) == check.main(["--each"]) == 0
        assert asked == [False, True]
        out = capsys.readouterr().out.splitlines()
        assert out[:5] == [
            "a.b        proved   It is so.",
            "long.name  proved   Or.",
            "2 statements, compiled from clean in 12.3 s (9.9 s of processor time)",
            "axioms (all together): Classical_Prop.classic",
            "a.b        proved   It is so.",
        ]
        assert out[-1] == "axioms (each): Classical_Prop.classic"

    def test_rejected_unknown_and_problems(self, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
        self.report(monkeypatch, build=self.BUILD, axioms={"a_b": frozenset({"bad", "also"})}, problems=["p", "q"])
        assert check.main([]) == 1
        assert capsys.readouterr().out.splitlines() == [
            "a.b        rejected It is so.",
            "long.name  unknown  Or.",
            "PROBLEM p",
            "PROBLEM q",
            "2 statements, compiled from clean in 12.3 s (9.9 s of processor time)",
            "axioms (all together): also, bad",
        ]

    def test_no_axioms(self, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
        self.report(monkeypatch, build=self.BUILD)
        check.main([])
        assert capsys.readouterr().out.endswith("\naxioms (all together): none\n")

    @pytest.mark.parametrize(("problems", "status"), [([], 3), (["p"], 1)])
    def test_not_run(self, problems: list[str], status: int, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
        self.report(monkeypatch, problems=problems)
        assert check.main([]) == status
        assert capsys.readouterr().out.splitlines() == [
            "a.b        not run  It is so.",
            "long.name  not run  Or.",
            *(f"PROBLEM {each}" for each in problems),
            "not run: coqc is missing; on Debian: apt-get install coq libcoq-coquelicot libcoq-interval",
        ]

    def test_how_coq_is_called(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        seen: list[Any] = []
        monkeypatch.setattr("subprocess.run", lambda *given, **more: seen.append((given, more)))
        check._coqc(tmp_path, "A.v", 7.0)
        assert seen == [
            (
                (["coqc", "-q", "-w", "-ambiguous-paths", "-Q", ".", "MoeCusp", "A.v"],),
                {"cwd": tmp_path, "capture_output": True, "text": True, "timeout": 7.0, "check": False},
            )
        ]
        monkeypatch.setattr("shutil.which", {"coqc": "/usr/bin/coqc"}.get)
        assert check.available()
        monkeypatch.setattr("shutil.which", {}.get)
        assert not check.available()


def done(status: int = 0, out: str = "", error: str = "") -> SimpleNamespace:
    return SimpleNamespace(returncode=status, stdout=out, stderr=error)


class TestCompilation:
    """What is made of Coq's answers, which are planted."""

    @pytest.fixture(name="library")
    def _library(self, tmp_path: Path) -> Path:
        (tmp_path / "_CoqProject").write_text("-Q . MoeCusp\nA.v\nB.v\nC.v\n")
        for name in "ABC":
            (tmp_path / f"{name}.v").write_text(name)
        return tmp_path

    def answers(self, monkeypatch: pytest.MonkeyPatch, answer: Callable[[str], Any]) -> list[Any]:
        seen: list[Any] = []

        def coqc(where: Path, name: str, timeout: float) -> Any:
            seen.append((where, name, timeout))
            return answer(name)

        monkeypatch.setattr(check, "_coqc", coqc)
        return seen

    def test_from_clean(self, library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        seen = self.answers(monkeypatch, lambda name: done(0, f"out {name}", " "))
        clock, spent = iter([10.0, 15.0]), iter([1.0, 3.5])
        monkeypatch.setattr(check, "time", SimpleNamespace(monotonic=lambda: next(clock)))
        monkeypatch.setattr(check, "_children", lambda: next(spent))
        build = check.compile(library)
        try:
            assert seen == [(build.directory, f"{name}.v", 300.0) for name in "ABC"]
            assert build.directory != library
            assert build.directory.name.startswith("moecusp-coq-")
            assert {path.name: path.read_text() for path in build.directory.iterdir()} == {f"{n}.v": n for n in "ABC"}
            assert (build.ok, build.failed, build.seconds, build.processor_seconds) == (True, None, 5.0, 2.5)
            assert build.log == "out A.v\nout B.v\nout C.v"
        finally:
            shutil.rmtree(build.directory)

    def test_some_files_of_a_target(
        self, library: Path, tmp_path_factory: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        target = tmp_path_factory.mktemp("target")
        seen = self.answers(monkeypatch, lambda name: done())
        assert check.compile(library, target, ["B.v"], timeout=2.0).directory == target
        assert seen == [(target, "B.v", 2.0)]
        assert list(target.iterdir()) == []

    def test_stops_at_the_first_failure(
        self, library: Path, tmp_path_factory: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        seen = self.answers(monkeypatch, lambda name: done(name == "B.v", "", f"error {name}"))
        build = check.compile(library, tmp_path_factory.mktemp("target"))
        assert [name for _, name, _ in seen] == ["A.v", "B.v"]
        assert (build.ok, build.failed, build.log) == (False, "B.v", "error A.v\nerror B.v")

    def test_a_time_out(self, library: Path, tmp_path_factory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        def late(_: str) -> Any:
            raise subprocess.TimeoutExpired("coqc", 1)

        self.answers(monkeypatch, late)
        build = check.compile(library, tmp_path_factory.mktemp("target"), timeout=1.5)
        assert (build.ok, build.failed, build.log) == (False, "A.v", "A.v: no result in 1.5 s")

    def test_the_time_of_children(self, monkeypatch: pytest.MonkeyPatch) -> None:
        times = SimpleNamespace(children_user=1.0, children_system=0.25)
        monkeypatch.setattr(check, "os", SimpleNamespace(times=lambda: times))
        assert check._children() == 1.25

    def test_questions_at_once(self, library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        printed = "Axioms:\nClassical_Prop.classic : forall P, P\n"
        seen = self.answers(monkeypatch, lambda _: done(0, printed))
        found = check.assumptions(library, ["a_b", "c"])
        assert found == dict.fromkeys(["a_b", "c"], frozenset({"Classical_Prop.classic"}))
        assert seen == [(library, "Audit.v", 600.0)]
        assert (library / "Audit.v").read_text() == (
            "From MoeCusp Require Statements Main.\n"
            "Definition c_a_b : MoeCusp.Statements.a_b := MoeCusp.Main.a_b.\n"
            "Definition c_c : MoeCusp.Statements.c := MoeCusp.Main.c.\n"
            "Definition everything := (c_a_b, c_c).\nPrint Assumptions everything.\n"
        )

    def test_questions_one_by_one(self, library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        printed = (
            '     = "== a_b"\n     : string\nClosed under the global context\n'
            '     = "== c"\n     : string\nAxioms:\nbad : False\n'
        )
        self.answers(monkeypatch, lambda _: done(0, printed))
        assert check.assumptions(library, ["a_b", "c"], each=True) == {"a_b": frozenset(), "c": frozenset({"bad"})}
        assert (library / "Audit.v").read_text() == (
            "From Coq Require Import String.\nFrom MoeCusp Require Statements Main.\n"
            "Definition c_a_b : MoeCusp.Statements.a_b := MoeCusp.Main.a_b.\n"
            "Definition c_c : MoeCusp.Statements.c := MoeCusp.Main.c.\n"
            'Eval compute in "== a_b"%string.\nPrint Assumptions c_a_b.\n'
            'Eval compute in "== c"%string.\nPrint Assumptions c_c.\n'
        )

    def test_an_error_is_raised_as_it_was(self, library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answers(monkeypatch, lambda _: done(1, "", "  wrong type \n"))
        with pytest.raises(RuntimeError, match=r"^wrong type$"):
            check.assumptions(library, ["a"])

    def test_the_audit(self, library: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: Any) -> None:
        stated = {"a.b": Stated("a.b", "a_b", "", ""), "c": Stated("c", "c", "", "")}
        monkeypatch.setattr(check, "statements", lambda _: stated)
        monkeypatch.setattr(check, "inconsistencies", lambda _: ["differ"])
        monkeypatch.setattr(check, "forbidden", lambda _: ["hole"])
        monkeypatch.setattr(check, "available", lambda: True)
        made: list[Path] = []

        def compiled(ok: bool) -> Callable[[Path], check.BuildResult]:
            def compile(directory: Path) -> check.BuildResult:
                assert directory == library
                made.append(tmp_path_factory.mktemp("built"))
                return check.BuildResult(ok, 1.0, 1.0, made[-1], None if ok else "B.v", "log")

            return compile

        monkeypatch.setattr(check, "compile", compiled(False))
        assert check.audit(library).problems == ["differ", "hole", "B.v does not compile:\nlog"]
        monkeypatch.setattr(check, "compile", compiled(True))
        asked: list[Any] = []
        answer = {"a_b": frozenset({"bad"})}

        def assumptions(*given: Any) -> Any:
            asked.append(given)
            return answer

        monkeypatch.setattr(check, "assumptions", assumptions)
        report = check.audit(library, True)
        assert asked == [(made[-1], ["a_b", "c"], True)]
        assert report.problems == ["differ", "hole", "c: no answer about its assumptions", "a_b: assumes bad"]
        assert report.axioms == answer

        def fail(*_: Any) -> Any:
            raise RuntimeError("why")

        monkeypatch.setattr(check, "assumptions", fail)
        assert check.audit(library).problems[2:] == ["a theorem does not have the type stated: why"]
        assert not any(path.exists() for path in made)
