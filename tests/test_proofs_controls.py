"""The negative controls, false variants and their command: each changes what is there, and is run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import sympy as sp

from proofs import layers, mutations
from proofs.coq import check, sources
from proofs.coq import mutations as coq_mutations
from proofs.coq.mutations import Mutation, Outcome
from proofs.statements import STATEMENTS

assert layers  # registers the proofs
FOLD = STATEMENTS["fold.curve"]
Capture = pytest.CaptureFixture[str]


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
