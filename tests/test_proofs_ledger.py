"""The ledger and the command: what a failed, missing, unclaimed or unnamed proof does to them, each planted."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from proofs import __main__ as command
from proofs import ledger
from proofs.coq import check
from proofs.coq.sources import Statement as Stated
from proofs.layers import unclaimed
from proofs.ledger import NOT_RUN, Result
from proofs.mutations import Mutation
from proofs.statements import STATEMENTS, Statement
from proofs.steps import PROOFS

FOLD = STATEMENTS["fold.curve"]
PASSED = Result("fold.curve", "symbolic", "passed", 3)


def row(*results: Result) -> str:
    return next(line for line in ledger.table([*results]).splitlines() if line.startswith("| `fold.curve`"))


class TestTable:
    @pytest.mark.parametrize("outcome", ["not zero: 1", "a theorem of no statement", "", "Passed"])
    def test_a_failed_proof_has_no_tick(self, outcome: str) -> None:
        text = row(Result("fold.curve", "symbolic", outcome))
        assert "✓" not in text
        assert "| failed |" in text

    def test_a_tick_stands_in_the_column_of_its_layer(self) -> None:
        table = ledger.table([PASSED]).splitlines()
        head = next(line for line in table if line.startswith("| statement"))
        cells = dict(zip(head.split("|"), row(PASSED).split("|"), strict=True))
        assert [name.strip() for name, cell in cells.items() if "✓" in cell] == ["symbolic"]
        assert cells[" formal "] == cells[" floats "] == " — "

    def test_not_run_is_no_failure_and_anything_else_is(self) -> None:
        assert not Result("a", "formal", NOT_RUN).failed
        assert not PASSED.failed
        assert Result("a", "formal", "timeout").failed

    def test_what_is_absent_is_said(self, monkeypatch: pytest.MonkeyPatch) -> None:
        lost = dataclasses.replace(FOLD, code=("moecusp.nothing",), page="no_such_page")
        monkeypatch.setattr(ledger, "STATEMENTS", {"fold.curve": lost})
        monkeypatch.setattr(ledger, "marks", dict)
        text = row(PASSED)
        assert "`moecusp.nothing` (absent)" in text
        assert "| absent |" in text
        assert "fold (absent)" in text or "folds (absent)" in text

    def test_every_word_of_a_table(self, monkeypatch: pytest.MonkeyPatch) -> None:
        planted = Statement(
            "a.b", "folds", {"y": "2*mu", "low": "y > 0"}, "Twice | it.", ("mu > 0", "w"), "[K] 1",
            ("moecusp.gain", "moecusp.nothing"), ("symbolic", "formal"),
        )  # fmt: skip
        monkeypatch.setattr(ledger, "STATEMENTS", {"a.b": planted})
        monkeypatch.setattr(ledger, "marks", lambda: {"a.b": "tests/test_b.py"})
        text = ledger.table([Result("a.b", "symbolic", "passed"), Result("a.b", "formal", NOT_RUN)])
        assert text == (
            "# Ledger of statements\n\n"
            "Written by `python -m proofs`; do not edit. A tick is a proof that ran; `not run` is not a pass.\n"
            "Formulas are the expressions that the proofs read; `proofs/statements.toml` holds them.\n"
            "THEORY n is section n of [the theory](../docs/theory.md), which has the papers [K], [R], [Z] and [W].\n\n"
            "| statement | formula | assumptions | source | symbolic | decision | enclosure | floats | formal "
            "| code | test | page |\n" + 12 * "|---" + "|\n"
            "| `a.b` | y = 2 μ; y > 0 — Twice \\| it. | μ > 0; w | [K] 1 | ✓ | — | — | — | not run "
            "| `moecusp.gain`, `moecusp.nothing` (absent) | `tests/test_b.py` | [folds](../docs/folds.md) |\n\n"
            "1 statements; proofs claimed: 1 symbolic, 0 decision, 0 enclosure, 0 floats, 1 formal.\n"
        )

    def test_counts_of_the_proofs_claimed(self) -> None:
        text = ledger.table([PASSED, Result("fold.curve", "formal", NOT_RUN), Result("x", "formal", "passed")])
        assert f"{len(STATEMENTS)} statements; proofs claimed: 1 symbolic, 0 decision, 0 enclosure, 0 floats, 2" in text


def test_proofs_that_no_statement_claims_are_found() -> None:
    """One of no statement, one of a layer that its statement does not claim; those that are claimed are not named."""
    planted = [("no.such", "symbolic"), ("fold.curve", "decision")]
    found = unclaimed([*PROOFS, *planted])
    assert len(found) == 2
    assert "symbolic proof of no.such" in found[0]
    assert "decision proof of fold.curve" in found[1]
    assert len(unclaimed(PROOFS, {})) == len(PROOFS)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A source tree in which fold.curve lacks nothing."""
    for folder in ("tests/folds", "moecusp/inner", "docs"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / FOLD.doc).write_text("Statement `fold.curve`.")
    (tmp_path / "tests/folds/test_curve.py").write_text('@pytest.mark.statement("fold.curve")\ndef test(): ...\n')
    (tmp_path / "moecusp/inner/a.py").write_text('"""Statement ``fold.curve``; section 3."""\n')
    return tmp_path


class TestGaps:
    @staticmethod
    def of(tree: Path, statement: Statement = FOLD) -> list[str]:
        return list(ledger.gaps({statement.id: statement}, tree))

    def test_none(self, tree: Path) -> None:
        assert self.of(tree) == []
        assert ledger.marks(tree) == {"fold.curve": "tests/folds/test_curve.py"}

    def test_no_page_or_no_mention(self, tree: Path) -> None:
        (tree / FOLD.doc).write_text("fold.curve, but not as code; and `fold.curves`")
        assert self.of(tree) == [f"fold.curve has no mention in {FOLD.doc}"]
        (tree / FOLD.doc).unlink()
        assert self.of(tree) == [f"fold.curve has no mention in {FOLD.doc}"]

    def test_no_test(self, tree: Path) -> None:
        (tree / "tests/folds/test_curve.py").write_text("# fold.curve\n")
        assert self.of(tree) == ["fold.curve has no test"]

    def test_no_code(self, tree: Path) -> None:
        bare = dataclasses.replace(FOLD, code=("moecusp.gain", "moecusp.nothing"))
        assert self.of(tree, bare) == ["fold.curve has no code moecusp.nothing"]

    def test_no_proof(self, tree: Path) -> None:
        assert self.of(tree, dataclasses.replace(FOLD, layers=())) == ["fold.curve has no proof"]

    def test_a_test_of_no_statement(self, tree: Path) -> None:
        (tree / "tests/test_other.py").write_text('@pytest.mark.statement(\n    "fold.cruve"\n)\n')
        assert self.of(tree) == ["tests/test_other.py tests fold.cruve, which is no statement"]

    @pytest.mark.parametrize(
        "line",
        [
            "Statement ``fold.cruve``; docs/theory.md.",
            "Statements ``fold.curve`` and\n    ``fold.cruve``; docs/theory.md.",
            "Statements ``fold.curve``, ``fold.cruve``.",
        ],
    )
    def test_a_docstring_that_names_no_statement(self, tree: Path, line: str) -> None:
        (tree / "moecusp/inner/b.py").write_text(f'"""References.\n\n{line}\n"""\n')
        assert self.of(tree) == ["moecusp/inner/b.py refers to fold.cruve, which is no statement"]


def test_the_ledger_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "README.md"
    ledger.write("old", target)
    assert target.read_text() == "old"
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(OSError, match="full"):
        ledger.write("new", target)
    assert target.read_text() == "old"


class TestCommand:
    """Exit status and what is printed, the proofs themselves planted."""

    @pytest.fixture(autouse=True)
    def planted(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr(command, "prove_all", lambda: [PASSED])
        monkeypatch.setattr(command, "formal", list)
        monkeypatch.setattr(ledger, "gaps", list)
        monkeypatch.setattr("proofs.layers.unclaimed", list)
        monkeypatch.setattr(ledger, "TARGET", tmp_path / "README.md")
        monkeypatch.setattr(ledger, "write", (tmp_path / "README.md").write_text)

    def test_sound(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert command.main([]) == 0
        assert ledger.TARGET.read_text() == ledger.table([PASSED])
        assert command.main(["--check"]) == 0
        assert capsys.readouterr().out.count("sound") == 2

    @pytest.mark.parametrize(
        ("where", "what"),
        [
            ("prove_all", Result("fold.curve", "symbolic", "not zero: u")),
            ("formal", Result("fold.curve", "formal", "no theorem")),
        ],
    )
    def test_a_failed_layer(
        self, where: str, what: Result, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr(command, where, lambda: [what])
        assert command.main([]) == 1
        out = capsys.readouterr().out
        assert f"fold.curve ({what.layer}): {what.outcome}" in out
        assert "1 problems" in out
        assert "sound" not in out
        assert "failed" in ledger.TARGET.read_text()

    def test_not_run_is_sound(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(command, "formal", lambda: [Result("fold.curve", "formal", NOT_RUN)])
        assert command.main([]) == 0

    @pytest.mark.parametrize("name", ["ledger.gaps", "layers.unclaimed"])
    def test_a_gap(self, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        monkeypatch.setattr(f"proofs.{name}", lambda: ["something lacks"])
        assert command.main([]) == 1
        assert "something lacks" in capsys.readouterr().out

    def test_a_stale_ledger_is_left_as_it_is(self, capsys: pytest.CaptureFixture[str]) -> None:
        ledger.TARGET.write_text("old")
        assert command.main(["--check"]) == 1
        assert "stale" in capsys.readouterr().out
        assert ledger.TARGET.read_text() == "old"

    @pytest.mark.parametrize(("survive", "coq", "status"), [(False, 0, 0), (True, 0, 1), (False, 1, 1)])
    def test_mutations(
        self,
        survive: bool,
        coq: int,
        status: int,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        monkeypatch.setattr(command, "mutations", lambda: [Mutation(FOLD, "planted", ("symbolic",))])
        monkeypatch.setattr(Mutation, "survives", lambda _: survive)
        monkeypatch.setattr(check, "available", lambda: True)
        monkeypatch.setattr("proofs.coq.mutations.main", lambda _: coq)
        assert command.main(["--mutations"]) == status
        out = capsys.readouterr().out
        assert ("not noticed: fold.curve (symbolic): planted" in out) is survive
        assert f"{1 - survive} of 1 mutations" in out


class TestFormalResults:
    """What the audit of the formal layer makes of its results."""

    @staticmethod
    def results(monkeypatch: pytest.MonkeyPatch, names: list[str], problems: list[str]) -> dict[str, str]:
        stated = {name: Stated(name, name.replace(".", "_"), "", "") for name in names}
        report = check.Report(stated, problems, build=check.BuildResult(True, 0.0, 0.0, Path()))
        monkeypatch.setattr(check, "available", lambda: True)
        monkeypatch.setattr(check, "audit", lambda: report)
        return {r.statement: r.outcome for r in command.formal()}

    ALL = sorted({name for s in STATEMENTS.values() for name in s.formal})

    def test_passed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert set(self.results(monkeypatch, self.ALL, []).values()) == {"passed"}

    def test_a_problem_fails_all(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert set(self.results(monkeypatch, self.ALL, ["an axiom"]).values()) == {"an axiom"}

    def test_a_missing_theorem_fails_its_statements(self, monkeypatch: pytest.MonkeyPatch) -> None:
        lost = "zeros.three"
        found = self.results(monkeypatch, [n for n in self.ALL if n != lost], [])
        users = {s.id for s in STATEMENTS.values() if lost in s.formal}
        assert users
        assert {name for name, outcome in found.items() if outcome == f"no theorem {lost}"} == users
        assert {found[name] for name in found.keys() - users} == {"passed"}

    def test_a_theorem_of_no_statement_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        found = self.results(monkeypatch, [*self.ALL, "stray.theorem"], [])
        assert found["stray.theorem"] == "a theorem of no statement"

    def test_without_coq_nothing_has_passed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(check, "available", lambda: False)
        results = command.formal()
        assert {r.outcome for r in results} == {NOT_RUN}
        assert {r.statement for r in results} == {s.id for s in STATEMENTS.values() if s.formal}
