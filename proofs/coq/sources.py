"""Read the sources of the formal layer: what is stated, what is proved, and what must not stand there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

DIRECTORY = Path(__file__).resolve().parent

# Anywhere, these leave a hole or switch off a check of the kernel.
_HOLES = re.compile(
    r"\b(Admitted|admit|give_up|Axioms?|Parameters?|Conjectures?|Primitive|bypass_check"
    r"|Unset\s+(?:Guard|Positivity|Universe)\s+Checking|type_in_type|Declare\s+ML\s+Module)\b"
)
# These are assumptions unless a section closes over them.
_LOCAL = re.compile(r"\b(Hypothesis|Hypotheses|Variables?|Context)\b")
_AUDITED = ("Definitions.v", "Statements.v", "Main.v")
_SECTION = re.compile(r"\b(Section|End|Module(?:\s+Type)?)\s+(\w+)")
_STATEMENT = re.compile(
    r"\(\*\*\s*\[(?P<id>[a-z0-9_.]+)\]\s*(?P<text>.*?)\*\)\s*"
    r"Definition\s+(?P<name>\w+)\s*:\s*Prop\s*:=(?P<formula>.*?)\.\s*(?=\n\s*\n|\Z)",
    re.DOTALL,
)
_DEFINED = re.compile(r"^\s*(?:Definition|Fixpoint|Inductive|Notation|Lemma|Theorem)\s+(\w+)", re.MULTILINE)
_PROVED = re.compile(r"Theorem\s+(\w+)\s*:\s*Statements\.(\w+)\s*\.\s*Proof\.\s*exact\s+([\w.]+)\s*\.\s*Qed\.")


@dataclass(frozen=True)
class Statement:
    """One definition of Statements.v: its id, Coq name, meaning and formula."""

    id: str
    name: str
    text: str
    formula: str


def sources(directory: Path = DIRECTORY) -> list[str]:
    """Files of the library in the order in which they compile."""
    return [word for word in (directory / "_CoqProject").read_text().split() if word.endswith(".v")]


def without_comments(text: str) -> str:
    """Blank out comments, which nest, and strings; line numbers stay."""
    out: list[str] = []
    depth, in_string, i = 0, False, 0
    while i < len(text):
        pair = text[i : i + 2]
        if in_string or text[i] == '"':
            if text[i] == '"':
                in_string = not in_string
            out.append("\n" if text[i] == "\n" else " ")
            i += 1
        elif pair == "(*":
            depth, i = depth + 1, i + 2
            out.append("  ")
        elif pair == "*)" and depth:
            depth, i = depth - 1, i + 2
            out.append("  ")
        else:
            out.append(text[i] if not depth or text[i] == "\n" else " ")
            i += 1
    return "".join(out)


def forbidden(directory: Path = DIRECTORY) -> list[str]:
    """Holes and free assumptions in the sources, comments ignored."""
    found: list[str] = []
    for path in sorted(directory.glob("*.v")):
        depth = 0
        for number, line in enumerate(without_comments(path.read_text()).splitlines(), 1):
            found += [f"{path.name}:{number}: {hit.group(0)}" for hit in _HOLES.finditer(line)]
            marks = [*_SECTION.finditer(line), *_LOCAL.finditer(line)]
            for hit in sorted(marks, key=lambda mark: mark.start()):
                word = hit.group(1)
                if hit.re is _LOCAL:
                    found += [f"{path.name}:{number}: {word} outside a section"] if depth <= 0 else []
                elif word in ("Section", "End"):
                    depth += 1 if word == "Section" else -1
                elif path.name in _AUDITED:
                    found.append(f"{path.name}:{number}: modules could shadow a statement")
    return found


def statements(directory: Path = DIRECTORY) -> dict[str, Statement]:
    """Statement id to statement, read from Statements.v."""
    found = (
        Statement(
            id=hit["id"],
            name=hit["name"],
            text=" ".join(hit["text"].split()),
            formula=" ".join(hit["formula"].split()),
        )
        for hit in _STATEMENT.finditer((directory / "Statements.v").read_text())
    )
    return {statement.id: statement for statement in found}


def inconsistencies(directory: Path = DIRECTORY) -> list[str]:
    """Where the sources list, Statements.v and Main.v disagree."""
    listed, present = set(sources(directory)), {path.name for path in directory.glob("*.v")}
    found = [f"{name}: listed in _CoqProject but missing" for name in sorted(listed - present)]
    found += [f"{name}: not listed in _CoqProject" for name in sorted(present - listed)]
    stated = statements(directory)
    names = {statement.name for statement in stated.values()}
    defined = _DEFINED.findall(without_comments((directory / "Statements.v").read_text()))
    found += [f"Statements.v: {name} has no statement id or is no Prop" for name in defined if name not in names]
    found += [f"Statements.v: {name} is defined twice" for name in names if defined.count(name) > 1]
    found += [
        f"Statements.v: id {s.id} and name {s.name} differ" for s in stated.values() if s.name != s.id.replace(".", "_")
    ]
    main = without_comments((directory / "Main.v").read_text())
    proved: dict[str, str] = {}
    for name, claim, _ in _PROVED.findall(main):
        if name != claim:
            found.append(f"Main.v: {name} proves Statements.{claim}")
        proved[name] = claim
    found += [f"Main.v: {name} is not proved" for name in sorted(names - proved.keys())]
    found += [f"Main.v: {name} is not a statement" for name in sorted(proved.keys() - names)]
    return found
