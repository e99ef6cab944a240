"""What the proofs read and say, word for word: the steps, and the statements."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sympy as sp

from proofs import layers, statements, steps
from proofs.statements import STATEMENTS, Statement, readable
from proofs.steps import NotProved

assert layers  # registers the proofs
FOLD = STATEMENTS["fold.curve"]


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
