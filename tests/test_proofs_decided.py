"""The proofs by z3 and by balls: each passes, no query is empty, and the queries are those that stand here.

`proofs_queries.txt` has every query in z3's words: a proof that asks for less is seen there. After a change:
``python -m tests.test_proofs_decided``, and read the difference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import z3
from flint import arb, ctx

from proofs import balls, decision, enclosure, layers, steps
from proofs.statements import STATEMENTS
from proofs.steps import NotProved

assert layers  # registers the proofs
QUERIES = Path(__file__).with_name("proofs_queries.txt")
DECIDED = [name for name, layer in steps.PROOFS if layer == "decision"]
COUNT, STABILITY = STATEMENTS["equilibrium.count"], STATEMENTS["equilibrium.stability"]


def answer(query: str, milliseconds: int = 30_000) -> str:
    """Return what z3 says of a query, here, however long it takes."""
    solver = z3.Solver()
    solver.set("timeout", milliseconds)
    solver.from_string(query)
    return str(solver.check())


@contextmanager
def asked() -> Iterator[list[tuple[decision.Logic, str, str, tuple[Any, ...]]]]:
    """Note every query of a proof, and let it be as wanted."""
    found = []

    def note(logic: decision.Logic, text: str, wanted: str, constraints: tuple[Any, ...]) -> str:
        found.append((logic, text, wanted, constraints))
        return text

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decision.Logic, "_ask", note)
        yield found


def queries() -> str:
    """Return all queries as text."""
    lines = []
    for name in DECIDED:
        with asked() as found:
            steps.run(STATEMENTS[name], "decision")
        for logic, text, wanted, constraints in found:
            lines.append(f"{name}: {text}: {wanted}")
            lines += [f"    {' '.join(str(each).split())}" for each in (*logic.assumptions, *logic.sides, *constraints)]
    return "\n".join(lines) + "\n"


class TestDecision:
    @pytest.mark.parametrize("name", DECIDED)
    def test_passes(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(decision, "_run", answer)
        assert steps.run(STATEMENTS[name], "decision")

    @pytest.mark.parametrize("name", DECIDED)
    def test_no_query_is_empty(self, name: str) -> None:
        """Without its last part, the denial of what is claimed, it can be satisfied."""
        with asked() as found:
            steps.run(STATEMENTS[name], "decision")
        for logic, text, wanted, constraints in found:
            solver = z3.Solver()
            solver.add(*logic.assumptions, *logic.sides, *constraints[:-1])
            assert wanted == "sat" or constraints, text
            assert str(solver.check()) == "sat", text

    def test_the_queries(self) -> None:
        assert queries() == QUERIES.read_text(encoding="utf-8")

    def test_the_program_is_asked_for_a_second(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """By its own file beside Python, else by what is found on the path, and given five seconds to answer."""
        seen: list[tuple[Any, Any]] = []

        def run(command: list[str], **given: Any) -> Any:
            seen.append((command, given))
            return type("Done", (), {"stdout": "sat\nmore\n"})

        monkeypatch.setattr("subprocess.run", run)
        (tmp_path / "z3").write_text("")
        places = ((str(tmp_path / "python"), tmp_path / "z3"), (str(tmp_path / "no" / "python"), "/found/z3"))
        monkeypatch.setattr(decision, "which", {"z3": "/found/z3"}.get)
        for executable, program in places:
            monkeypatch.setattr(decision, "executable", executable)
            assert decision._run("(query)") == "sat"
            command, given = seen[-1]
            assert command == [str(program), "-T:1", "-in"]
            assert given == {"input": "(query)", "capture_output": True, "text": True, "timeout": 5, "check": False}
        monkeypatch.setattr(decision, "which", {}.get)
        decision._run("(query)")
        assert seen[-1][0][0] == "z3"

    def test_possible_asks_for_assumptions_that_can_hold(self) -> None:
        with asked() as found:
            assert decision.Logic(COUNT).possible() == "the assumptions can hold"
        assert [(wanted, constraints) for _, _, wanted, constraints in found] == [("sat", ())]


def noting(seen: list[Any], answer: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that notes its arguments and answers."""

    def call(*given: Any) -> Any:
        seen.append(given)
        return answer(*given)

    return call


@contextmanager
def scaled(name: str, factor: int | Fraction) -> Iterator[None]:
    """Multiply what `use` or `claim` gives."""
    given = getattr(enclosure, name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(enclosure, name, lambda *names, **values: balls.exact(factor) * given(*names, **values))
        yield


class TestEnclosures:
    def test_the_texts_of_the_covers(self) -> None:
        for name, text in (
            ("fold.bounds", "lower < eta_f < upper ("),
            ("cusp.remainder", "0 < remainder < bound ("),
            ("boundary.remainder", "|remainder| < bound ("),
        ):
            (step,) = steps.run(STATEMENTS[name], "enclosure")
            assert step.startswith(text)

    @pytest.mark.parametrize(
        ("name", "box"),
        [
            ("fold.bounds", ((Fraction(1, 8), Fraction(16)),)),
            ("cusp.remainder", ((Fraction(1, 2), Fraction(6)),)),
            ("boundary.remainder", ((Fraction(1), Fraction(4)), (Fraction(0), Fraction(4)))),
        ],
    )
    def test_what_is_covered(self, name: str, box: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """The box, and that the fact asked for fails beyond what is claimed, on both sides."""
        seen: list[Any] = []
        monkeypatch.setattr(enclosure, "covered", noting(seen, lambda text, box, holds: text))
        steps.run(STATEMENTS[name], "enclosure")
        ((_, found, holds),) = seen
        assert found == box
        with ctx.workprec(64):
            assert holds(*(balls.exact(sum(side) / 2) for side in box))
            for change in (10, -10):
                if name != "cusp.remainder":
                    with scaled("use", change):
                        assert not holds(*(balls.exact(sum(side) / 2) for side in box))
                with scaled("claim", Fraction(change, 1000)):
                    assert not holds(*(balls.exact(sum(side) / 2) for side in box))

    def test_a_cover_is_given_up_when_more_cells_than_allowed_are_left(self) -> None:
        box = ((Fraction(0), Fraction(1)),)
        assert balls.covered("t", box, lambda c: c.rad() < 0.3, leaves=0) == "t (2 cells)"
        assert balls.covered("t", box, lambda c: c.rad() < 0.2, leaves=2) == "t (4 cells)"
        for leaves, place in ((1, r"0\.0"), (0, r"0\.5")):
            with pytest.raises(NotProved, match=rf"^t: not certain near \[{place}\]$"):
                balls.covered("t", box, lambda c: c.rad() < 0.2, leaves=leaves)

    def test_counts_are_compared_at_corners_and_centre(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """One of nine points that disagrees is enough; one that nothing is certain about is none."""
        box = ((Fraction(2), Fraction(3)), (Fraction(0), Fraction(1, 2)))
        points = [(g, eta) for g in (2, 2.5, 3) for eta in (0, 0.25, 0.5)]
        for odd in points:

            def expected(_: Any, g: arb, eta: arb, odd: Any = odd) -> int | None:
                point = (float(g), float(eta))
                assert point in points
                return 3 if point == odd else None

            monkeypatch.setattr(enclosure, "plane", lambda: iter([(box, [-1])]))
            monkeypatch.setattr(enclosure, "expected", expected)
            with pytest.raises(NotProved, match=rf"^1 zeros at g = {float(odd[0])}, eta = {float(odd[1])}$"):
                steps.run(COUNT, "enclosure")

    def test_the_share_decided_is_said(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(enclosure, "expected", lambda *_: None)
        low, high = Fraction(1, 2), Fraction(3)
        half = ((low, high), (Fraction(-3, 2), Fraction(0)))
        most = ((low, high), (Fraction(0), Fraction(3, 2) * Fraction(96, 100)))
        little = ((low, high), (Fraction(0), Fraction(3, 2) * Fraction(95, 100)))
        monkeypatch.setattr(enclosure, "plane", lambda: iter([(half, [-1]), (most, [-1])]))
        assert steps.run(COUNT, "enclosure") == ["98.0% of the plane decided by 2 boxes, all as claimed"]
        monkeypatch.setattr(enclosure, "plane", lambda: iter([(half, [-1]), (little, [-1])]))
        with pytest.raises(NotProved, match=r"^97\.5% of the plane"):
            steps.run(COUNT, "enclosure")
        assert enclosure.PLANE == ((low, high), (Fraction(-3, 2), Fraction(3, 2)))

    @pytest.mark.parametrize(
        ("g", "eta", "count"),
        [
            (0.99, 0, 1), (0.99, 9, 1), (2, 0, 3), (2, 0.532, 3), (2, -0.532, 3), (2, 0.534, 1), (2, -0.534, 1),
            (arb(1, 0.1), 0, None), (2, arb(0.533, 0.01), None), (2, arb(-0.533, 0.01), None),
        ],
    )  # fmt: skip
    def test_the_count_of_the_closed_form(self, g: Any, eta: Any, count: int | None) -> None:
        with ctx.workprec(64):
            assert enclosure.expected(COUNT, arb(g), arb(eta)) == count

    def test_where_stability_is_looked_at(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """On the upper half of the plane, and by cells of 1/8 in u from -3 to 3 and in g from 9/8 to 23/8."""
        parts: list[Any] = []
        cells: list[Any] = []
        gains: list[Any] = []
        monkeypatch.setattr(enclosure, "plane", noting(parts, lambda part: iter([(part, [-1, 1, -1])])))
        monkeypatch.setattr(enclosure, "ball", noting(cells, balls.ball))
        monkeypatch.setattr(enclosure, "exact", noting(gains, balls.exact))
        assert steps.run(STABILITY, "enclosure") == [
            "outer zeros stable, middle ones unstable wherever decided", "claims agree with the sign of F'",
        ]  # fmt: skip
        assert parts == [(((Fraction(1, 2), Fraction(3)), (Fraction(0), Fraction(3, 4))),)]
        assert cells == [(Fraction(i, 8), Fraction(i + 1, 8)) for i in range(-24, 24)]
        assert sorted(set(gains)) == [(Fraction(k, 8),) for k in range(9, 24)]
        assert len(gains) == 48 * 15

    def test_zeros_end_where_nothing_can_be_known(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Cells are halved down to 1/512, over all of [-5, 5]."""
        seen: list[Any] = []
        monkeypatch.setattr(enclosure, "ball", noting(seen, balls.ball))
        with ctx.workprec(64):
            assert enclosure.zeros(arb(0.5), arb(0)) == [-1]
        assert seen[0] == (Fraction(-5), Fraction(5))
        kept = [cell for cell in seen if not any(a <= cell[0] and b >= cell[1] for a, b in seen if (a, b) != cell)]
        assert kept == [(Fraction(-5), Fraction(5))]
        seen.clear()
        with ctx.workprec(64):
            assert enclosure.zeros(arb(1), arb(0)) is None
        least = min(b - a for a, b in seen)
        assert Fraction(1, 1024) <= least < Fraction(1, 512)

    def test_the_plane_is_cut_at_its_largest_box_and_given_up_below_the_smallest(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        box = ((Fraction(0), Fraction(1)), (Fraction(0), Fraction(1)))
        asked: list[Fraction] = []

        def zeros(g: arb, eta: arb) -> list[int] | None:
            asked.append(Fraction(int(1e6 * float(g.rad() * eta.rad())), 10**6))
            return None

        monkeypatch.setattr(enclosure, "zeros", zeros)
        monkeypatch.setattr(enclosure, "SMALLEST", Fraction(1, 8))
        assert list(enclosure.plane(box)) == []
        assert len(asked) == 1 + 2 + 4 + 8
        assert asked == sorted(asked, reverse=True)
        monkeypatch.setattr(enclosure, "zeros", lambda *_: [-1])
        assert list(enclosure.plane(box)) == [(box, [-1])]
        assert enclosure.SMALLEST * 8 == 1
        assert enclosure.area(((Fraction(1), Fraction(3)), (Fraction(2), Fraction(7)))) == 10


def test_the_constants_of_the_cover() -> None:
    assert (enclosure.SMALLEST, enclosure.DECIDED) == (Fraction(1, 2**14), Fraction(98, 100))
    assert decision.SECONDS == 1


if __name__ == "__main__":
    QUERIES.write_text(queries(), encoding="utf-8")
