"""Run every proof and write the ledger: `python -m proofs`.

    python -m proofs               all layers; writes proofs/README.md
    python -m proofs --check       the same, but compares with proofs/README.md instead of writing it
    python -m proofs --mutations   the negative controls instead

Exit status 1 if a proof fails, a statement lacks a layer it claims, a test, a page or code, or a mutation survives.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable

from tqdm import tqdm

from proofs import layers, ledger
from proofs.coq import check
from proofs.coq import mutations as coq_mutations
from proofs.ledger import NOT_RUN, Result
from proofs.mutations import mutations
from proofs.statements import STATEMENTS, Statement
from proofs.steps import NotProved, run

INSTALL = "apt-get install --no-install-recommends coq libcoq-coquelicot libcoq-interval"


def prove(statement: Statement, layer: str) -> Result:
    """Run one layer of one statement."""
    start = time.perf_counter()
    try:
        steps = run(statement, layer)
    except NotProved as error:
        return Result(statement.id, layer, str(error), 0, time.perf_counter() - start)
    return Result(statement.id, layer, "passed", len(steps), time.perf_counter() - start)


def prove_all() -> list[Result]:
    """Run every layer that is claimed, except the formal one."""
    claimed = [(s, layer) for s in STATEMENTS.values() for layer in s.layers if layer != "formal"]
    results = []
    for statement, layer in (bar := tqdm(claimed, unit="proof", disable=None)):
        bar.set_description(f"{layer} {statement.id}")
        results.append(prove(statement, layer))
    return results


def formal() -> list[Result]:
    """Compile and audit the formal layer once, and look every claimed theorem up in it."""
    claimed = [s for s in STATEMENTS.values() if s.formal]
    if not check.available():
        print(f"formal: not run; it needs Coq: {INSTALL}")
        return [Result(s.id, "formal", NOT_RUN) for s in claimed]
    print("formal: compiling from clean", flush=True)
    report = check.audit()
    results = []
    for s in claimed:
        absent = [name for name in s.formal if name not in report.statements]
        fault = f"no theorem {', '.join(absent)}" if absent else "" if report.ok else "; ".join(report.problems)
        results.append(Result(s.id, "formal", fault or "passed", len(s.formal)))
    used = {name for s in claimed for name in s.formal}
    results += [Result(name, "formal", "a theorem of no statement") for name in report.statements if name not in used]
    return results


def summary(results: list[Result]) -> None:
    """Print how each layer fared."""
    for layer in sorted({r.layer for r in results}):
        rows = [r for r in results if r.layer == layer]
        passed = sum(r.outcome == "passed" for r in rows)
        steps, seconds = sum(r.steps for r in rows), sum(r.seconds for r in rows)
        print(f"{layer:10} {passed} of {len(rows)} statements, {steps} steps, {seconds:.1f} s")


def run_mutations() -> int:
    """Print the mutations that no proof noticed; return 1 if there are any."""
    every = mutations()
    survivors = [m for m in tqdm(every, unit="mutation", disable=None) if m.survives()]
    for mutation in survivors:
        print(f"not noticed: {mutation}")
    print(f"{len(every) - len(survivors)} of {len(every)} mutations broke a proof")
    status = 1 if survivors else 0
    if check.available():
        status |= coq_mutations.main([])
    else:
        print(f"formal: not run; it needs Coq: {INSTALL}")
    return status


def main(arguments: Iterable[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m proofs", description="Run every proof and write the ledger.")
    parser.add_argument("--check", action="store_true", help="compare the ledger instead of writing it")
    parser.add_argument("--mutations", action="store_true", help="run the negative controls instead")
    options = parser.parse_args(None if arguments is None else list(arguments))
    if options.mutations:
        return run_mutations()
    results = prove_all() + formal()
    summary(results)
    problems = [f"{r.statement} ({r.layer}): {r.outcome}" for r in results if r.failed]
    problems += [*ledger.gaps(), *layers.unclaimed()]
    text = ledger.table(results)
    if options.check:
        current = ledger.TARGET.read_text(encoding="utf-8") if ledger.TARGET.exists() else ""
        if current != text:
            problems.append("proofs/README.md is stale: run python -m proofs")
    else:
        ledger.write(text)
    for problem in problems:
        print(problem)
    print("sound" if not problems else f"{len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
