"""What proofs are made of: signs that assumptions give, steps, variants, evaluation; each with what must fail."""

from __future__ import annotations

import dataclasses
from typing import Any

import mpmath as mp
import pytest
import sympy as sp
from flint import arb

from proofs import balls, layers, mutations, steps
from proofs.evaluate import evaluate
from proofs.mutations import Mutation, changed, dropped, variants
from proofs.statements import STATEMENTS, Statement, is_relation, load, value
from proofs.steps import NotProved, exactly_zero, holds, positive, zero

FOLD = STATEMENTS["fold.curve"]
assert layers  # registers the proofs
x = sp.Symbol("x", real=True)


def assuming(*assumptions: str) -> Statement:
    return dataclasses.replace(FOLD, assumptions=assumptions, claims={"y": "2*x", "less": "x < 1"})


class TestAssumptions:
    @pytest.mark.parametrize(
        ("relation", "positive", "nonnegative", "negative"),
        [
            ("x > 0", True, True, False),
            ("x >= 0", None, True, False),
            ("x >= 1", True, True, False),
            ("x > 1", True, True, False),
            ("x > -1", None, None, None),
            ("x >= -1", None, None, None),
            ("x < 0", False, False, True),
            ("x < -1", False, False, True),
            ("x < 1", None, None, None),
            ("y > 0", None, None, None),
            ("2*x > 0", None, None, None),
            ("x > 0 in words", None, None, None),
        ],
    )
    def test_signs(self, relation: str, positive: Any, nonnegative: Any, negative: Any) -> None:
        found = assuming(relation).symbol("x")
        assert found.is_real
        assert (found.is_positive, found.is_nonnegative, found.is_negative) == (positive, nonnegative, negative)
        assert assuming(relation)["y"] == 2 * found

    def test_a_bound_is_used_where_it_is_assumed(self) -> None:
        assert (assuming("x > 1").above("x", 1) - 1).is_positive
        for other in ("x >= 1", "x > 0", "x > 2", "z > 1"):
            assert (assuming(other).above("x", 1) - 1).is_positive is None

    def test_bare_expressions_decide_nothing(self) -> None:
        assert assuming("x < 0").bare("x < 1") == (x < 1)
        assert assuming("x < 0").parse("x < 1") == sp.true

    @pytest.mark.parametrize(
        ("text", "relation"), [("u < 1", True), ("Eq(a, 0)", True), ("Ne(a, 0)", True), ("u", False)]
    )
    def test_relations_and_values(self, text: str, relation: bool) -> None:
        assert is_relation(text) is relation

    def test_claims_are_read_from_the_file(self, tmp_path: Any) -> None:
        path = tmp_path / "some.toml"
        path.write_text(
            '[one."a.b"]\nclaims = { y = "x" }\nsays = "w"\nassumptions = ["x > 0"]\nsource = "s"\ncode = ["c"]\n'
            'layers = ["floats"]\nformal = ["t"]\npage = "p"\n'
            '[two."c.d"]\nclaims = {}\nsays = ""\nassumptions = []\nsource = ""\ncode = []\nlayers = []\n'
        )
        first, second = load(path).values()
        assert (first.id, first.stem, first.layers, first.formal) == ("a.b", "one", ("floats", "formal"), ("t",))
        assert (first.doc, second.doc) == ("docs/p.md", "docs/two.md")
        assert second.layers == second.formal == ()

    def test_values_are_those_of_the_claim(self) -> None:
        with mp.workdps(30):
            assert abs(value("fold.curve", "g", u=mp.mpf("0.5"), surplus=1) - mp.cosh(mp.mpf("0.5")) ** 2) < 1e-29


class TestSteps:
    def test_a_step_gives_its_text_only_if_it_holds(self) -> None:
        assert zero("t", x - x) == positive("t", sp.exp(x)) == holds("t", sp.true) == "t"
        with pytest.raises(NotProved):
            zero("t", x)

    def test_every_entry_of_a_matrix(self) -> None:
        exactly_zero(sp.zeros(2, 2))
        for place in range(4):
            matrix = sp.zeros(2, 2)
            matrix[place] = sp.Rational(1, 10**30) * x
            with pytest.raises(NotProved):
                exactly_zero(matrix)

    @pytest.mark.parametrize("fact", [False, None, 1, "True", sp.false, x > 0, [True]])
    def test_only_true_holds(self, fact: Any) -> None:
        with pytest.raises(NotProved, match="t: "):
            holds("t", fact)

    def test_what_only_may_be_negative_is_not_positive(self) -> None:
        for expression in (sp.Symbol("a", nonnegative=True), sp.Symbol("a"), x**2 + x, sp.Abs(x), sp.nan, sp.zoo):
            with pytest.raises(NotProved, match="not seen to be positive"):
                positive("t", expression)
        assert positive("t", sp.Symbol("a", positive=True) + sp.Symbol("b", nonnegative=True)) == "t"

    def test_zero_at_the_points_tried_is_not_zero(self) -> None:
        """The quick refutation finds nothing: the expression must still be reduced."""
        expression = (x - sp.Rational(7, 11)) * (x - sp.Rational(10, 11))
        assert not steps._refuted(expression)
        with pytest.raises(NotProved, match="not reduced"):
            exactly_zero(expression)

    def test_one_proof_a_statement_and_layer(self) -> None:
        with pytest.raises(ValueError, match=r"fold\.curve has two symbolic proofs"):
            steps.proves("fold.curve")(lambda s: [])

    def test_a_proof_runs_to_its_end(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def late(_: Statement) -> Any:
            yield "first"
            yield zero("last", 1)

        monkeypatch.setitem(steps.PROOFS, ("fold.curve", "symbolic"), late)
        with pytest.raises(NotProved):
            steps.run(FOLD, "symbolic")


class TestMutations:
    @pytest.mark.parametrize(
        ("outcomes", "survives"), [([True], True), ([False], False), ([True, False], False), ([True, True], True)]
    )
    def test_one_layer_must_notice(self, outcomes: list[bool], survives: bool, monkeypatch: pytest.MonkeyPatch) -> None:
        layers = tuple(map(str, range(len(outcomes))))

        def run(statement: Statement, layer: str) -> list[str]:
            assert statement is FOLD
            if not outcomes[int(layer)]:
                raise NotProved
            return ["step"]

        monkeypatch.setattr(mutations, "run", run)
        assert Mutation(FOLD, "planted", layers).survives() is survives

    @pytest.mark.parametrize("error", [ZeroDivisionError, TypeError, KeyError, AttributeError, RecursionError])
    def test_a_crash_is_no_noticed_mutation(self, error: type[Exception], monkeypatch: pytest.MonkeyPatch) -> None:
        def run(*_: Any) -> list[str]:
            raise error

        monkeypatch.setattr(mutations, "run", run)
        with pytest.raises(error):
            Mutation(FOLD, "planted", ("symbolic",)).survives()

    def test_variants(self) -> None:
        assert list(variants("2*u + x1")) == ["3*u + x1", "-(2*u + x1)", "2*(2*u + x1)"]
        assert list(variants("u < 1")) == ["u < 2", "u <= 1"]
        assert set(variants("(u > v) & (w < v)")) == {"(u >= v) & (w < v)", "(u > v) & (w <= v)", "(u > v)"}
        assert list(variants("0")) == ["1"]

    def test_what_is_changed(self) -> None:
        mutated = changed("fold.curve", "g", "cosh(u)", "symbolic").statement
        assert mutated.claims == {**FOLD.claims, "g": "cosh(u)"}
        assert "g > 1" not in dropped("fold.slope", "g > 1").statement.assumptions
        with pytest.raises(ValueError, match="does not assume"):
            dropped("fold.slope", "g > 2")

    def test_every_claim_of_a_quick_layer_has_variants(self) -> None:
        found = {(m.statement.id, m.what.split(":")[0]): m.layers for m in mutations.generated()}
        assert set(found) == {(s.id, claim) for s in STATEMENTS.values() for claim in s.claims}
        assert all(set(layers) <= {"symbolic", "decision"} for layers in found.values())


class TestEvaluate:
    @pytest.mark.parametrize(
        "text", ["x**3 - y/2 + 1", "sqrt(x)*x**(-2)", "1/sqrt(x)", "sqrt(x)**3", "pi*x*y", "x - y - 2"]
    )
    def test_balls_agree_with_mpmath(self, text: str) -> None:
        expression = FOLD.bare(text)
        found = balls.value(expression, x=arb(3), y=arb(5))
        with mp.workdps(30):
            expected = sp.lambdify([sp.Symbol("x", real=True), sp.Symbol("y", real=True)], expression, "mpmath")(
                mp.mpf(3), mp.mpf(5)
            )
            assert abs(found - arb(mp.nstr(mp.mpf(expected), 28))) < 1e-20

    def test_other_powers_are_refused(self) -> None:
        for text in ("x**(1/3)", "x**y", "2**x"):
            with pytest.raises(ValueError, match="unsupported power"):
                evaluate(FOLD.bare(text), {"x": arb(2), "y": arb(2)}, lambda p, q: arb(p) / q, balls.FUNCTIONS)
