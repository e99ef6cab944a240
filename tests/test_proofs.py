"""The proof layers themselves: every proof passes, false statements fail, and nothing undecided counts as proved."""

from __future__ import annotations

import dataclasses
import doctest
from pathlib import Path

import pytest
import sympy as sp

from proofs import ledger, steps
from proofs.__main__ import main, prove
from proofs.layers import unclaimed
from proofs.ledger import NOT_RUN, Result
from proofs.mutations import Mutation, by_hand, generated
from proofs.statements import STATEMENTS, Statement, readable
from proofs.steps import NotProved, exactly_zero, positive

CLAIMED = [(s.id, layer) for s in STATEMENTS.values() for layer in s.layers if layer != "formal"]
# One variant of each claim, and those by hand; `python -m proofs --mutations` runs all.
SAMPLE = list({(m.statement.id, m.what.split(":")[0]): m for m in generated()}.values()) + list(by_hand())
x = sp.Symbol("x", real=True)


@pytest.mark.parametrize(("statement", "layer"), CLAIMED)
def test_proof(statement: str, layer: str) -> None:
    result = prove(STATEMENTS[statement], layer)
    assert result.outcome == "passed"
    assert result.steps > 0


@pytest.mark.parametrize("mutation", SAMPLE, ids=str)
def test_false_statement_breaks_its_proof(mutation: Mutation) -> None:
    assert not mutation.survives()


class TestSteps:
    def test_zero(self) -> None:
        exactly_zero(sp.sin(x) ** 2 + sp.cos(x) ** 2 - 1)

    @pytest.mark.parametrize("expression", [x, x - x + 1, sp.Integer(10) ** -40, sp.sqrt(x**2) - x, sp.nan])
    def test_not_zero(self, expression: sp.Expr) -> None:
        with pytest.raises(NotProved):
            exactly_zero(expression)

    def test_unknown_is_failure(self) -> None:
        """Zero, but not for sympy: an unevaluated integral with a parameter."""
        f, t = sp.Function("f"), sp.Symbol("t")
        unknown = sp.Integral(f(t), (t, 0, x)) + sp.Integral(f(t), (t, x, 0))
        with pytest.raises(NotProved):
            exactly_zero(unknown)

    @pytest.mark.parametrize("expression", [x, x**2, -sp.exp(x), sp.Integer(0)])
    def test_not_positive(self, expression: sp.Expr) -> None:
        with pytest.raises(NotProved):
            positive("sign", expression)

    def test_proof_without_steps(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(steps.PROOFS, ("fold.curve", "symbolic"), lambda s: [])
        with pytest.raises(NotProved, match="no steps"):
            steps.run(STATEMENTS["fold.curve"], "symbolic")

    def test_missing_proof(self) -> None:
        with pytest.raises(NotProved, match="no decision proof"):
            steps.run(STATEMENTS["fold.curve"], "decision")


class TestLedger:
    def test_every_claim_has_a_proof_and_every_proof_a_claim(self) -> None:
        assert [c for c in CLAIMED if c not in steps.PROOFS] == []
        assert unclaimed() == []

    def test_forty_statements_fifteen_formal(self) -> None:
        assert len(STATEMENTS) >= 40
        assert sum(bool(s.formal) for s in STATEMENTS.values()) >= 15

    @pytest.mark.parametrize("stem", sorted({s.stem for s in STATEMENTS.values()}))
    def test_nothing_lacks_code_test_or_page(self, stem: str) -> None:
        marked = ledger.marks()
        assert [gap for s in STATEMENTS.values() if s.stem == stem for gap in ledger.missing(s, marked)] == []

    def test_ids_in_tests_and_docstrings_are_statements(self) -> None:
        assert [gap for gap in ledger.gaps() if "is no statement" in gap] == []

    def test_what_is_lacking_is_named(self) -> None:
        bare = dataclasses.replace(STATEMENTS["fold.curve"], id="no.such", code=("moecusp.nothing",), layers=())
        gaps = " ".join(ledger.missing(bare, {}))
        assert all(word in gaps for word in ("code moecusp.nothing", "mention in docs/folds.md", "test", "proof"))

    def test_formal_theorems_exist(self) -> None:
        text = (ledger.ROOT / "proofs" / "coq" / "Statements.v").read_text(encoding="utf-8")
        absent = [name for s in STATEMENTS.values() for name in s.formal if f"(** [{name}]" not in text]
        assert absent == []

    def test_not_run_is_not_passed(self) -> None:
        text = ledger.table([Result("fold.curve", "formal", NOT_RUN), Result("fold.curve", "symbolic", "passed")])
        row = next(line for line in text.splitlines() if line.startswith("| `fold.curve`"))
        assert row.count("✓") == 1
        assert NOT_RUN in row

    def test_failure_is_reported(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        false = Result("fold.curve", "symbolic", "not zero: 1")
        monkeypatch.setattr("proofs.__main__.prove_all", lambda: [false])
        monkeypatch.setattr("proofs.__main__.formal", lambda: [])
        assert main(["--check"]) == 1
        out = capsys.readouterr().out
        assert "fold.curve (symbolic): not zero: 1" in out
        assert "stale" in out


def test_registry_reads_assumptions() -> None:
    statement: Statement = STATEMENTS["fold.slope"]
    assert statement.symbol("g").is_positive
    assert (statement.above("g", 1) - 1).is_positive
    assert not dataclasses.replace(statement, assumptions=()).symbol("g").is_positive


@pytest.mark.parametrize("page", sorted((ledger.ROOT / "docs").glob("*.md")), ids=lambda path: path.name)
def test_examples_of_the_pages(page: Path) -> None:
    assert doctest.testfile(str(page), module_relative=False, encoding="utf-8").failed == 0


def test_readable() -> None:
    assert readable("sqrt(mu**2) >= beta1*eta_f") == "√(μ^2) ≥ β1 η_f"
