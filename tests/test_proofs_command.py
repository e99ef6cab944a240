"""The command of the proofs: what it runs, what it prints, its arguments."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from proofs import __main__ as command
from proofs import layers, ledger, steps
from proofs.coq import check
from proofs.coq.sources import Statement as Stated
from proofs.ledger import NOT_RUN, Result
from proofs.statements import STATEMENTS, Statement
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
