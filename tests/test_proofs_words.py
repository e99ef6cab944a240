"""What the proofs print and read, word for word: the command, the audit, the controls, the statements."""

from __future__ import annotations

import dataclasses
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sympy as sp

from proofs import __main__ as command
from proofs import layers, ledger, mutations, statements, steps
from proofs.coq import check, sources
from proofs.coq import mutations as coq_mutations
from proofs.coq.mutations import Mutation, Outcome
from proofs.coq.sources import Statement as Stated
from proofs.ledger import NOT_RUN, Result
from proofs.statements import STATEMENTS, Statement, readable
from proofs.steps import NotProved

assert layers  # registers the proofs
FOLD = STATEMENTS["fold.curve"]
INSTALL = "apt-get install --no-install-recommends coq libcoq-coquelicot libcoq-interval"
Capture = pytest.CaptureFixture[str]


class Bar:
    """In the place of tqdm's."""

    seen: list[Any]

    def __init__(self, items: Iterable[Any], **given: Any) -> None:
        Bar.seen = [given]
        self.items = items

    def __iter__(self) -> Any:
        return iter(self.items)

    def set_description(self, text: str) -> None:
        Bar.seen.append(text)


class TestCommand:
    def test_a_proof_that_passes_and_one_that_does_not(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def proof(s: Statement) -> Iterable[str]:
            yield "one"
            yield "two"
            if s is not FOLD:
                raise NotProved("not zero: u")

        monkeypatch.setattr(steps, "PROOFS", {("fold.curve", "symbolic"): proof})
        passed, failed = command.prove(FOLD, "symbolic"), command.prove(dataclasses.replace(FOLD), "symbolic")
        assert (passed.statement, passed.layer, passed.outcome, passed.steps) == ("fold.curve", "symbolic", "passed", 2)
        assert (failed.statement, failed.layer, failed.outcome, failed.steps) == (
            "fold.curve", "symbolic", "not zero: u", 0,
        )  # fmt: skip
        assert command.prove(FOLD, "floats").outcome == "fold.curve has no floats proof"

    def test_the_time_of_a_proof(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def run(s: Statement, _: str) -> list[str]:
            if s is not FOLD:
                raise NotProved("no")
            return ["one"]

        clock = iter([100.0, 107.5, 200.0, 203.0])
        monkeypatch.setattr(command, "run", run)
        monkeypatch.setattr(command, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
        assert command.prove(FOLD, "symbolic").seconds == 7.5
        assert command.prove(dataclasses.replace(FOLD), "symbolic").seconds == 3.0

    def test_every_layer_but_the_formal_one_is_run(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(command, "tqdm", Bar)
        monkeypatch.setattr(command, "prove", lambda s, layer: Result(s.id, layer, "passed"))
        expected = [(s.id, layer) for s in STATEMENTS.values() for layer in s.layers if layer != "formal"]
        assert command.prove_all() == [Result(name, layer, "passed") for name, layer in expected]
        assert Bar.seen == [{"unit": "proof", "disable": None}, *(f"{layer} {name}" for name, layer in expected)]

    def test_summary(self, capsys: Capture) -> None:
        command.summary([
            Result("a", "symbolic", "passed", 3, 1.25), Result("b", "symbolic", "not zero", 0, 1.0),
            Result("c", "formal", NOT_RUN), Result("d", "decision", "passed", 10, 0.04),
        ])  # fmt: skip
        assert capsys.readouterr().out == (
            "decision   1 of 1 statements, 10 steps, 0.0 s\n"
            "formal     0 of 1 statements, 0 steps, 0.0 s\n"
            "symbolic   1 of 2 statements, 3 steps, 2.2 s\n"
        )

    def test_without_coq(self, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
        monkeypatch.setattr(check, "available", lambda: False)
        monkeypatch.setattr(command, "mutations", list)
        monkeypatch.setattr(command, "tqdm", Bar)
        command.formal()
        assert command.run_mutations() == 0
        said = f"formal: not run; it needs Coq: {INSTALL}\n"
        assert capsys.readouterr().out == f"{said}0 of 0 mutations broke a proof\n{said}"
        assert Bar.seen == [{"unit": "mutation", "disable": None}]

    def test_formal_results(self, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
        some = {
            "a.a": dataclasses.replace(FOLD, id="a.a", formal=("t.one", "t.two")),
            "b.b": dataclasses.replace(FOLD, id="b.b", formal=("t.one", "t.lost", "t.gone")),
            "c.c": dataclasses.replace(FOLD, id="c.c", formal=()),
        }
        monkeypatch.setattr(command, "STATEMENTS", some)
        stated = {name: Stated(name, "", "", "") for name in ("t.one", "t.two", "t.stray")}
        build = check.BuildResult(True, 0.0, 0.0, Path())
        for problems, outcome in (([], "passed"), (["p", "q"], "p; q")):
            monkeypatch.setattr(check, "available", lambda: True)
            monkeypatch.setattr(check, "audit", lambda p=problems: check.Report(stated, p, build=build))
            assert command.formal() == [
                Result("a.a", "formal", outcome, 2), Result("b.b", "formal", "no theorem t.lost, t.gone", 3),
                Result("t.stray", "formal", "a theorem of no statement"),
            ]  # fmt: skip
        assert capsys.readouterr().out == 2 * "formal: compiling from clean\n"

    @pytest.fixture(name="planted")
    def _planted(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Result]:
        results = [Result("fold.curve", "symbolic", "passed", 3)]
        monkeypatch.setattr(command, "prove_all", lambda: results)
        monkeypatch.setattr(command, "formal", list)
        monkeypatch.setattr(ledger, "gaps", list)
        monkeypatch.setattr(layers, "unclaimed", list)
        monkeypatch.setattr(ledger, "TARGET", tmp_path / "README.md")
        monkeypatch.setattr(ledger, "write", lambda text: (tmp_path / "README.md").write_text(text, encoding="utf-8"))
        return results

    def test_output(self, planted: list[Result], monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
        summed = "symbolic   1 of 1 statements, 3 steps, 0.0 s\n"
        assert command.main(["--check"]) == 1
        stale = "proofs/README.md is stale: run python -m proofs\n"
        assert capsys.readouterr().out == f"{summed}{stale}1 problems\n"
        assert command.main([]) == 0
        assert command.main(["--check"]) == 0
        assert capsys.readouterr().out == 2 * f"{summed}sound\n"
        planted.append(Result("a.b", "floats", "wrong"))
        monkeypatch.setattr(ledger, "gaps", lambda: iter(["a gap"]))
        monkeypatch.setattr(layers, "unclaimed", lambda: ["no claim"])
        assert command.main(["--check"]) == 1
        assert capsys.readouterr().out.splitlines()[2:] == [
            "a.b (floats): wrong", "a gap", "no claim", stale.strip(), "4 problems",
        ]  # fmt: skip

    def test_arguments(self, planted: list[Result], monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
        monkeypatch.setattr("sys.argv", ["x", "--check"])
        assert command.main() == 1
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            command.main(["--cheque"])
        assert ended.value.code == 2
        assert "python -m proofs: error: unrecognized arguments: --cheque" in capsys.readouterr().err
        with pytest.raises(SystemExit):
            command.main(["--help"])
        out = " ".join(capsys.readouterr().out.split())
        assert "Run every proof and write the ledger." in out
        assert "--check compare the ledger instead of writing it" in out
        assert "--mutations run the negative controls instead" in out


class TestControls:
    """The false variants: each a change of something that is there, in the symbols that are there."""

    def test_of_the_registry(self) -> None:
        found = list(mutations.by_hand())
        assert len({str(each) for each in found}) == len(found) == 43
        assert {layer for each in found for layer in each.layers} == {"symbolic", "decision", "enclosure", "floats"}
        for each in found:
            original, changed = STATEMENTS[each.statement.id], each.statement
            assert set(each.layers) <= set(original.layers), str(each)
            assert (changed.claims != original.claims) is not (changed.assumptions != original.assumptions)
            known = {s.name for text in original.claims.values() for s in original.bare(text).free_symbols}
            for text in changed.claims.values():
                expression = changed.bare(text)
                assert {s.name for s in expression.free_symbols} <= known | {"d", "eta_f"}, text
                assert not expression.atoms(sp.core.function.AppliedUndef), text
            for name in changed.claims:
                if name != "three" and changed.claims[name] != original.claims[name]:
                    assert changed.bare(changed.claims[name]) != original.bare(original.claims[name]), str(each)

    def test_words(self) -> None:
        assert str(mutations.changed("fold.curve", "g", "cosh(u)", "symbolic", "floats")) == (
            f"fold.curve (symbolic, floats): g: {FOLD.claims['g']} -> cosh(u)"
        )
        assert str(mutations.dropped("fold.slope", "g > 1", "symbolic")) == "fold.slope (symbolic): without g > 1"
        with pytest.raises(ValueError, match=r"^fold\.slope does not assume g > 2$"):
            mutations.dropped("fold.slope", "g > 2")

    def test_all_of_them_are_run(self) -> None:
        every = mutations.mutations()
        assert len(every) == len(list(mutations.generated())) + len(list(mutations.by_hand()))

    def test_of_the_formal_layer(self, tmp_path: Path) -> None:
        """Every changed definition and statement compiles by itself, all at once: only then has a proof noticed."""
        if not check.available():
            pytest.skip("needs Coq")
        texts = {name: (sources.DIRECTORY / name).read_text() for name in ("Definitions.v", "Statements.v")}
        for k, mutation in enumerate(coq_mutations.MUTATIONS):
            file = "Statements.v" if mutation.is_statement else "Definitions.v"
            name = mutation.target.replace(".", "_")
            whole = coq_mutations._swap((sources.DIRECTORY / file).read_text(), name, mutation.old, mutation.new)
            body = re.search(rf"^(?:Definition|Fixpoint) {name}\b.*?\.\s*$", whole, re.MULTILINE | re.DOTALL)
            assert body is not None
            texts[file] += "\n" + re.sub(rf"\b{name}\b", f"{name}_{k}", body.group()) + "\n"
        for name, text in texts.items():
            (tmp_path / name).write_text(text)
            done = check._coqc(tmp_path, name, 300.0)
            assert done.returncode == 0, done.stderr


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


class TestNegativeControls:
    """The command of the controls, Coq planted."""

    A, B = Mutation("a.b", "x", "y"), Mutation("F", "k", "l")

    @pytest.fixture(name="runs")
    def _runs(self, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
        seen: list[Any] = []

        def compile(directory: Path, target: Path) -> check.BuildResult:
            assert (target / "_CoqProject").read_text() == (sources.DIRECTORY / "_CoqProject").read_text()
            seen.append((directory, target.name, target.parent.name))
            return check.BuildResult(True, 1.0, 1.0, target)

        def run(mutation: Mutation, built: Path, scratch: Path) -> Outcome:
            assert built.is_dir()
            assert scratch.is_dir()
            seen.append((mutation, scratch.name))
            return Outcome(mutation, mutation is self.A, "here")

        monkeypatch.setattr(coq_mutations, "MUTATIONS", (self.A, self.B))
        monkeypatch.setattr(check, "available", lambda: True)
        monkeypatch.setattr(check, "compile", compile)
        monkeypatch.setattr(coq_mutations, "run", run)
        return seen

    def test_all(self, runs: list[Any], capsys: Capture) -> None:
        assert coq_mutations.main([]) == 1
        (directory, built, folder), *rest = runs
        assert (directory, built) == (sources.DIRECTORY, "built")
        assert folder.startswith("moecusp-mutations-")
        assert rest == [(self.A, "m0"), (self.B, "m1")]
        assert capsys.readouterr().out == (
            f"noticed a.b{' ' * 27}'x' -> 'y': here\nMISSED  F{' ' * 29}'k' -> 'l': here\n1 of 2 mutations noticed\n"
        )

    def test_some(self, runs: list[Any], capsys: Capture) -> None:
        assert coq_mutations.main(["a.b"]) == 0
        assert [each[0] for each in runs[1:]] == [self.A]
        assert capsys.readouterr().out.endswith("\n1 of 1 mutations noticed\n")

    def test_not_run(self, runs: list[Any], monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
        monkeypatch.setattr(check, "available", lambda: False)
        assert coq_mutations.main([]) == 3
        assert capsys.readouterr().out == "not run: coqc is missing\n"
        assert runs == []

    def test_a_library_that_does_not_compile(
        self, runs: list[Any], monkeypatch: pytest.MonkeyPatch, capsys: Capture
    ) -> None:
        broken = check.BuildResult(False, 1.0, 1.0, Path(), "A.v", "log")
        monkeypatch.setattr(check, "compile", lambda *_: broken)
        assert coq_mutations.main([]) == 1
        assert capsys.readouterr().out == "the unchanged library does not compile: A.v\nlog\n"

    def test_the_theorem_that_breaks(self) -> None:
        main = "Theorem one : A.\nProof.\nTheorem two : B.\nProof.\n"
        for line, name in ((1, "one"), (2, "one"), (3, "two"), (4, "two")):
            assert coq_mutations._culprit(main, f'x\nFile "./Main.v", line {line}, characters 0') == name
        assert coq_mutations._culprit("\n" + main, 'File "./Main.v", line 1') is None
        assert coq_mutations._culprit(main, 'File "./Other.v", line 1') is None

    def test_what_a_change_must_find(self) -> None:
        text = "Definition F := k.\nFixpoint G := k.\nDefinition H := k.\n"
        assert coq_mutations._swap(text, "G", "k", "l") == text.replace("G := k", "G := l")
        with pytest.raises(ValueError, match=r"^no definition of I$"):
            coq_mutations._swap(text, "I", "k", "l")
        with pytest.raises(ValueError, match=r"^G does not contain 'm'$"):
            coq_mutations._swap(text, "G", "m", "l")
        assert coq_mutations._swap("Definition F := k + k.\n", "F", "k", "l") == "Definition F := l + k.\n"

    def test_details(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        built, outcomes = tmp_path / "built", []
        built.mkdir()
        for name, text in (
            ("_CoqProject", "A.v\nMain.v\n"), ("Statements.v", "Definition a_b := x.\n"),
            ("Definitions.v", "Definition F := k.\n"), ("Main.v", "Theorem a_b : S.\nTheorem c : T.\n"),
        ):  # fmt: skip
            (built / name).write_text(text)
        cases = (
            (self.A, None, "", True, "every proof still compiles", False),
            (self.A, "Statements.v", "why", False, "Statements.v itself does not compile:\nwhy", False),
            (self.A, "Main.v", 'File "./Main.v", line 1', False, "theorem a_b breaks", True),
            (self.A, "Main.v", 'File "./Main.v", line 2', False, "theorem c breaks", False),
            (self.B, "Definitions.v", "why", False, "Definitions.v itself does not compile:\nwhy", False),
            (self.B, "A.v", "why", False, "A.v breaks", True),
        )
        for k, (mutation, failed, log, ok, detail, noticed) in enumerate(cases):
            scratch = tmp_path / f"m{k}"
            scratch.mkdir()

            def compile(
                *given: Any, s: Path = scratch, m: Any = mutation, f: Any = failed, g: str = log, o: bool = ok
            ) -> Any:
                files = ["Statements.v", "Main.v"] if m is self.A else ["A.v", "Main.v"]
                assert given == (built, s, files)
                name, new = ("Statements.v", "y") if m is self.A else ("Definitions.v", "l")
                assert (s / name).read_text().endswith(f":= {new}.\n")
                return check.BuildResult(o, 1.0, 1.0, s, f, g)

            monkeypatch.setattr(check, "compile", compile)
            outcomes.append(coq_mutations.run(mutation, built, scratch))
            assert outcomes[-1] == Outcome(mutation, noticed, detail)


class TestSteps:
    def test_words(self) -> None:
        x = sp.Symbol("x", real=True)
        cases: list[tuple[Callable[[], Any], str]] = [
            (lambda: steps.exactly_zero(x), "not zero: x"),
            (lambda: steps.exactly_zero(sp.Matrix([[0, x + 1]])), "not zero: x + 1"),
            (lambda: steps.positive("t", -x), "t: not seen to be positive: -x"),
            (lambda: steps.holds("t", x > 0), "t: x > 0"),
            (lambda: steps.run(FOLD, "formal"), "fold.curve has no formal proof"),
        ]
        for call, said in cases:
            with pytest.raises(NotProved) as caught:
                call()
            assert str(caught.value) == said
        hidden = (x - sp.Rational(7, 11)) * (x - sp.Rational(10, 11))
        with pytest.raises(NotProved) as caught:
            steps.exactly_zero(hidden)
        assert str(caught.value) == f"not reduced to zero: {hidden}"

    def test_a_proof_without_steps(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(steps, "PROOFS", {})
        steps.proves("fold.curve")(lambda s: [])
        with pytest.raises(NotProved, match=r"^the symbolic proof of fold\.curve has no steps$"):
            steps.run(FOLD, "symbolic")
        with pytest.raises(ValueError, match=r"^fold\.curve has two symbolic proofs$"):
            steps.proves("fold.curve", "symbolic")(lambda s: [])
        steps.proves("fold.curve", "floats")(lambda s: ["a"])
        assert steps.run(FOLD, "floats") == ["a"]

    def test_points_of_refutation_respect_signs_and_whole_numbers(self) -> None:
        seen: list[dict[Any, Any]] = []

        class Noted(sp.Function):
            @classmethod
            def eval(cls, *values: Any) -> Any:
                if all(value.is_number for value in values):
                    seen.append(dict(zip("abc", values, strict=True)))
                    return sp.Integer(0)
                return None

        a, b, c = sp.Symbol("a", negative=True), sp.Symbol("b", integer=True), sp.Symbol("c", positive=True)
        assert not steps._refuted(Noted(a, b, c))
        assert [(each["a"], each["b"], each["c"]) for each in seen] == [
            (sp.Rational(-7, 11), 4, sp.Rational(17, 15)), (sp.Rational(-10, 11), 3, sp.Rational(20, 15)),
        ]  # fmt: skip

    def test_what_has_no_number_is_not_refuted(self) -> None:
        assert not steps._refuted(sp.Function("f")(sp.Symbol("x")))
        assert not steps._refuted(sp.Integer(0))
        assert steps._refuted(sp.Float("2e-12"))
        assert not steps._refuted(sp.Float("0.5e-12"))

    def test_every_form_is_tried(self) -> None:
        """Each of these is only seen to be zero in one of the forms."""
        x, y = sp.symbols("x y", positive=True)
        for expression in (
            (x + 1) ** 2 - x**2 - 2 * x - 1,
            1 / x + 1 / y - (x + y) / (x * y),
            sp.sinh(x) + sp.cosh(x) - sp.exp(x),
            sp.cosh(x) ** 2 - sp.sinh(x) ** 2 - 1,
            sp.log(x * y) - sp.log(x) - sp.log(y),
            sp.tanh(x) - sp.sinh(x) / sp.cosh(x),
        ):
            steps.exactly_zero(expression)


class TestStatements:
    def test_readable(self) -> None:
        for text, shown in (
            ("Eq(a + b, c)", "a + b = c"), ("Ne(a, mu)", "a ≠ μ"), ("2*mu**2 <= sigma", "2 μ^2 ≤ σ"),
            ("sqrt(x1) >= eps", "√(x1) ≥ ε"), ("Phi(tau_0)", "Φ(τ_0)"), ("betas*omicron", f"betas {chr(0x3BF)}"),
            ("alpha1 + pi", "α1 + π"),
        ):  # fmt: skip
            assert readable(text) == shown
        names = "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma tau"
        assert readable(names).split() == [*"αβγδεζηθικλμνξ", chr(0x3BF), *"πρστ"]

    def test_symbols(self) -> None:
        s = dataclasses.replace(FOLD, assumptions=("g > 1", "h < 0", "w in words"))
        assert s.relations == ["g > 1", "h < 0"]
        g, h, u = s.symbols("g h u")
        assert (g.name, h.name, u.name) == ("g", "h", "u")
        assert (g.is_positive, h.is_negative, u.is_positive) == (True, True, None)
        assert str(s.above("g", 1)) == "d + 1"
        assert str(s.above("g", 1, "e")) == "e + 1"
        assert s.above("g", 2).free_symbols.pop().is_positive is None

    def test_claims_of_others_are_read_in_ones_own_symbols(self) -> None:
        s = dataclasses.replace(FOLD, assumptions=("u < 0",))
        (u,) = s.use("fold.curve", "g").free_symbols
        assert u.is_negative
        assert s.use("fold.curve", "g") == s.parse(FOLD.claims["g"])
        assert s["g"] == s.parse(FOLD.claims["g"])

    def test_formula_and_page(self) -> None:
        s = dataclasses.replace(FOLD, claims={"y": "2*x", "z": "x < 1", "w": "Eq(x, 1)", "v": "Ne(x, 1)", "t": "x > 1"})
        assert s.formula == "y = 2*x; x < 1; Eq(x, 1); Ne(x, 1); x > 1"
        assert dataclasses.replace(FOLD, page="other").doc == "docs/other.md"
        assert dataclasses.replace(FOLD, page="").doc == f"docs/{FOLD.stem}.md"

    def test_functions_are_no_symbols(self) -> None:
        names = statements._FUNCTIONS
        assert sorted(names) == sorted(
            "sqrt cosh sinh tanh acosh asinh asin exp log erf erfinv gamma besseli besselk pi EulerGamma dirichlet_eta "
            "factorial2 LambertW Max Eq Ne Abs".split()
        )
        assert statements.LAYERS == ("symbolic", "decision", "enclosure", "floats", "formal")

    def test_every_key_is_read(self, tmp_path: Path) -> None:
        path = tmp_path / "s.toml"
        path.write_text(
            '[stem."a.b"]\nclaims = { y = "µ" }\nsays = "Says."\nassumptions = ["x > 0"]\nsource = "[K] 1"\n'
            'code = ["m.f"]\nlayers = ["floats", "symbolic"]\nformal = ["t.u"]\npage = "p"\n',
            encoding="utf-8",
        )
        assert statements.load(path) == {
            "a.b": Statement(
                "a.b", "stem", {"y": "µ"}, "Says.", ("x > 0",), "[K] 1", ("m.f",), ("floats", "symbolic", "formal"),
                ("t.u",), "p",
            )
        }  # fmt: skip

    def test_values(self) -> None:
        names, function = statements.numeric("fold.curve", "g")
        assert names == ("u",)
        assert float(function(0)) == 1.0
        assert float(statements.value("fold.curve", "g", u=0, other=3)) == 1.0
