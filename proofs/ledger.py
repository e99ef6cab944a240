"""The ledger: which statement has passed which layer, and where its code, its test and its page are."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from proofs.statements import LAYERS, STATEMENTS, Statement, readable

ROOT = Path(__file__).parent.parent
TARGET = ROOT / "proofs" / "README.md"
MARK = re.compile(r'mark\.statement\(\s*"([^"]+)"')
NOT_RUN = "not run"


@dataclass(frozen=True)
class Result:
    """Outcome of one layer of one statement: "passed", "not run", or what failed."""

    statement: str
    layer: str
    outcome: str
    steps: int = 0
    seconds: float = 0.0

    @property
    def failed(self) -> bool:
        """Whether the layer ran and did not pass."""
        return self.outcome not in ("passed", NOT_RUN)


def marks(root: Path = ROOT) -> dict[str, str]:
    """Return the test file that marks each statement: `@pytest.mark.statement("id")`."""
    found: dict[str, str] = {}
    for path in sorted((root / "tests").rglob("test_*.py")):
        for name in MARK.findall(path.read_text(encoding="utf-8")):
            found.setdefault(name, path.relative_to(root).as_posix())
    return found


def exists(dotted: str) -> bool:
    """Return whether a public name of the library exists."""
    module, _, name = dotted.rpartition(".")
    return hasattr(importlib.import_module(module), name)


def missing(statement: Statement, marked: dict[str, str], root: Path = ROOT) -> list[str]:
    """Return what a statement lacks of code, test and page."""
    page = root / statement.doc
    lacks = [f"code {name}" for name in statement.code if not exists(name)]
    if not page.exists() or f"`{statement.id}`" not in page.read_text(encoding="utf-8"):
        lacks.append(f"mention in {statement.doc}")
    if statement.id not in marked:
        lacks.append("test")
    if not statement.layers:
        lacks.append("proof")
    return [f"{statement.id} has no {lack}" for lack in lacks]


def gaps(statements: Mapping[str, Statement] = STATEMENTS, root: Path = ROOT) -> Iterator[str]:
    """Yield what any statement lacks, and ids that tests or docstrings use without a statement."""
    marked = marks(root)
    for statement in statements.values():
        yield from missing(statement, marked, root)
    for name, file in marked.items():
        if name not in statements:
            yield f"{file} tests {name}, which is no statement"
    for path in sorted((root / "moecusp").rglob("*.py")):
        for line in re.findall(r"Statements? (``[^;]*?``)(?:;|\.|\n)", path.read_text(encoding="utf-8")):
            for name in re.findall(r"``([\w.]+)``", line):
                if name not in statements:
                    yield f"{path.relative_to(root).as_posix()} refers to {name}, which is no statement"


def table(results: list[Result]) -> str:
    """Return the text of proofs/README.md."""
    outcome = {(r.statement, r.layer): r.outcome for r in results}
    marked = marks()
    lines = [
        "# Ledger of statements",
        "",
        "Written by `python -m proofs`; do not edit. A tick is a proof that ran; `not run` is not a pass.",
        "Formulas are the expressions that the proofs read; `proofs/statements.toml` holds them.",
        "THEORY n is section n of [the theory](../docs/theory.md), which has the papers [K], [R], [Z] and [W].",
        "",
        f"| statement | formula | assumptions | source | {' | '.join(LAYERS)} | code | test | page |",
        "|---" * (len(LAYERS) + 7) + "|",
    ]
    for s in STATEMENTS.values():
        cells = [
            f"`{s.id}`",
            f"{readable(s.formula)} — {s.says}",
            "; ".join(readable(a) for a in s.assumptions) or "none",
            s.source,
            *(_cell(outcome.get((s.id, layer), "—")) for layer in LAYERS),
            ", ".join(f"`{name}`" + ("" if exists(name) else " (absent)") for name in s.code),
            f"`{marked[s.id]}`" if s.id in marked else "absent",
            f"[{s.stem}](../{s.doc})" if (ROOT / s.doc).exists() else f"{s.stem} (absent)",
        ]
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    counts = ", ".join(f"{sum(r.layer == layer for r in results)} {layer}" for layer in LAYERS)
    lines += ["", f"{len(STATEMENTS)} statements; proofs claimed: {counts}."]
    return "\n".join(lines) + "\n"


def _cell(outcome: str) -> str:
    return {"passed": "✓", "—": "—", NOT_RUN: NOT_RUN}.get(outcome, "failed")


def write(text: str, target: Path = TARGET) -> None:
    """Write the ledger, whole or not at all."""
    temporary = target.with_suffix(".tmp")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(target)
