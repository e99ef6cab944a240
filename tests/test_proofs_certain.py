"""Proofs by balls and by z3: certain signs, covers that reach every point, and no answer but "unsat" that counts."""

from __future__ import annotations

import dataclasses
import subprocess
from fractions import Fraction
from typing import Any

import pytest
import z3
from flint import arb, ctx

from proofs import balls, decision, enclosure, layers, steps
from proofs.mutations import changed
from proofs.statements import STATEMENTS, Statement
from proofs.steps import NotProved

FOLD = STATEMENTS["fold.curve"]
assert layers  # registers the proofs


def assuming(*assumptions: str) -> Statement:
    return dataclasses.replace(FOLD, assumptions=assumptions, claims={"y": "2*x", "less": "x < 1"})


class TestBalls:
    def test_a_ball_holds_both_ends(self) -> None:
        whole = balls.ball(Fraction(1, 3), Fraction(2, 3))
        assert whole.contains(balls.exact(Fraction(1, 3)))
        assert whole.contains(balls.exact(Fraction(2, 3)))
        assert balls.exact(0.5) == arb(0.5)

    def test_signs_are_certain(self) -> None:
        assert [balls.sign(v) for v in (arb(1, 0.5), arb(-1, 0.5), arb(1, 1), arb(0), arb(1, 2))] == [1, -1, 0, 0, 0]

    def test_a_relation_holds_on_the_whole_ball(self) -> None:
        assert balls.claim(assuming(), "less", x=arb(0, 0.9)) is True
        assert balls.claim(assuming(), "less", x=arb(0, 1.1)) is False
        assert balls.claim(assuming(), "less", x=arb(1)) is False

    def test_halves_are_a_cover(self) -> None:
        box = ((Fraction(0), Fraction(1)), (Fraction(0), Fraction(3)))
        assert list(balls.halves(box)) == [
            (box[0], (Fraction(0), Fraction(3, 2))),
            (box[0], (Fraction(3, 2), Fraction(3))),
        ]

    @pytest.mark.parametrize("hole", [0.001, 0.5, 0.999])
    def test_a_cover_reaches_every_point(self, hole: float) -> None:
        box = ((Fraction(0), Fraction(1)),)
        assert "1 cells" in balls.covered("t", box, lambda c: True)
        with pytest.raises(NotProved, match="not certain"):
            balls.covered("t", box, lambda c: not c.contains(hole), leaves=200)
        assert "cells" in balls.covered("t", box, lambda c: c.rad() < 0.01 or not c.contains(hole))

    def test_enclosures_run_with_64_bits(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(steps, "PROOFS", {})
        balls.encloses("fold.curve")(lambda s: [str(ctx.prec)])
        with ctx.workprec(999):
            assert steps.run(FOLD, "enclosure") == ["64"]


class TestEnclosures:
    @pytest.mark.parametrize(
        ("g", "eta", "signs"), [(2, 0, [-1, 1, -1]), (0.5, 0, [-1]), (2, 1, [-1]), (2, -0.5, [-1, 1, -1])]
    )
    def test_zeros(self, g: float, eta: float, signs: list[int]) -> None:
        assert enclosure.zeros(arb(g), arb(eta)) == signs

    def test_no_count_across_a_fold(self) -> None:
        assert enclosure.zeros(arb(2), arb(0.533, 0.01)) is None
        assert enclosure.zeros(arb(1, 0.1), arb(0, 0.1)) is None

    @pytest.mark.parametrize(
        ("kinds", "found"),
        [
            ([1, -2, -1], [-1]),
            ([1, -2, -1, 2, 1, -2, -1], [-1, 1, -1]),
            ([1, -2, 2, -2, -1], None),
            ([1, -1], None),
            ([1, 2, 1, -2, -1], [-1]),
        ],
    )
    def test_runs_of_one_slope(self, kinds: list[int], found: Any) -> None:
        cells = [(Fraction(i), Fraction(i + 1), kind) for i, kind in enumerate(kinds)]
        assert enclosure._crossings(cells) == found

    @pytest.mark.parametrize("signs", [[1], [-1, -1, -1], [1, -1, 1], [], [-1, 1]])
    def test_other_signs_of_stability_break_its_proof(self, signs: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(enclosure, "plane", lambda *_: iter([(enclosure.PLANE, signs)]))
        with pytest.raises(NotProved, match="stability"):
            steps.run(STATEMENTS["equilibrium.stability"], "enclosure")

    @pytest.mark.parametrize(("claim", "text"), [("outer", "g - cosh(u)**2 < 3"), ("inner", "g - cosh(u)**2 > -3")])
    def test_claims_against_the_slope(self, claim: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(enclosure, "plane", lambda *_: iter([]))
        with pytest.raises(NotProved, match="contradict"):
            steps.run(changed("equilibrium.stability", claim, text).statement, "enclosure")

    @pytest.mark.parametrize("claim", ["outer", "inner"])
    def test_claims_that_are_silent(self, claim: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(enclosure, "plane", lambda *_: iter([]))
        with pytest.raises(NotProved, match="contradict"):
            steps.run(changed("equilibrium.stability", claim, "u < -99").statement, "enclosure")

    def test_a_wrong_count_breaks_its_proof(self, monkeypatch: pytest.MonkeyPatch) -> None:
        box = ((Fraction(2), Fraction(2)), (Fraction(0), Fraction(0)))
        monkeypatch.setattr(enclosure, "plane", lambda *_: iter([(box, [-1])]))
        with pytest.raises(NotProved, match="1 zeros at g = 2"):
            steps.run(STATEMENTS["equilibrium.count"], "enclosure")

    def test_too_little_of_the_plane_is_no_proof(self, monkeypatch: pytest.MonkeyPatch) -> None:
        part = ((Fraction(1, 2), Fraction(1)), (Fraction(0), Fraction(1, 8)))
        monkeypatch.setattr(enclosure, "plane", lambda *_: iter([(part, [-1])]))
        with pytest.raises(NotProved, match="of the plane decided"):
            steps.run(STATEMENTS["equilibrium.count"], "enclosure")

    def test_the_plane_is_decided_to_98_percent_or_gives_up(self) -> None:
        box = ((Fraction(3, 2), Fraction(5, 2)), (Fraction(1, 4), Fraction(3, 4)))
        with ctx.workprec(64):
            cells = list(enclosure.plane(box))
        assert sum(enclosure.area(c) for c, _ in cells) >= Fraction(98, 100) * enclosure.area(box)
        with ctx.workprec(64):
            assert all(enclosure.zeros(*(balls.exact(sum(s) / 2) for s in c)) == signs for c, signs in cells)


class TestDecision:
    def test_a_counterexample_is_failure(self) -> None:
        logic, v = decision.Logic(assuming("x > 0")), z3.Real("x")
        assert logic.refute("t", v < 0) == "t"
        for constraint in (v < 1, v == 5):
            with pytest.raises(NotProved, match="t: sat"):
                logic.refute("t", constraint)

    def test_assumptions_count(self) -> None:
        v = z3.Real("x")
        for relation, bad in (("x > 0", v == 0), ("x >= 1", v < 1), ("x < 2", v >= 2), ("x <= 2", v > 2)):
            assert decision.Logic(assuming(relation)).refute("t", bad) == "t"
            with pytest.raises(NotProved):
                decision.Logic(assuming()).refute("t", bad)

    def test_weak_assumptions_stay_weak(self) -> None:
        with pytest.raises(NotProved):
            decision.Logic(assuming("x >= 0")).refute("t", z3.Real("x") == 0)

    def test_assumptions_that_cannot_hold_prove_nothing(self) -> None:
        with pytest.raises(NotProved, match="unsat"):
            decision.Logic(assuming("x > 0", "x < 0")).possible()

    def test_roots_are_not_negative(self) -> None:
        logic = decision.Logic(assuming("x > 0"))
        root = logic.term(FOLD.bare("sqrt(x)"), {})
        assert logic.refute("t", z3.Or(root < 0, root * root != z3.Real("x"))) == "t"

    @pytest.mark.parametrize("answer", ["unknown", "timeout", "", "(error", "unsat "])
    def test_no_other_answer_is_a_proof(self, answer: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(decision, "_run", lambda _: answer)
        logic = decision.Logic(assuming())
        for ask in (lambda: logic.refute("t"), logic.possible):
            with pytest.raises(NotProved):
                ask()

    def test_a_search_without_end_is_a_timeout(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def endless(*_: Any, **__: Any) -> Any:
            raise subprocess.TimeoutExpired("z3", 5)

        monkeypatch.setattr(subprocess, "run", endless)
        with pytest.raises(NotProved, match="timeout"):
            decision.Logic(assuming()).refute("t", z3.BoolVal(False))
