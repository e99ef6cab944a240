"""The mutants of a module, as mutmut makes them, and how one is put into the running modules."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import re
import sys
import types
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import libcst as cst
import numpy as np
from libcst.metadata import MetadataWrapper
from mutmut.mutation.file_mutation import MutationVisitor
from mutmut.mutation.mutators import mutation_operators
from mutmut.mutation.pragma_handling import IgnoredCode

from tests.mutated import MODULES

OURS = ("moecusp", "validation", "proofs")
PLAIN = (
    int,
    float,
    str,
    tuple,
    list,
    frozenset,
    Fraction,
    Path,
    re.Pattern,
    np.ndarray,
)  # constants that a fork exchanges


@dataclass
class Mutant:
    """One change of one module, and what became of it."""

    module: str
    function: str  # "" for a constant of the module
    number: int
    before: str
    after: str
    first: int  # the lines of the source that are replaced, counted from 0, and by what
    last: int
    text: list[str]
    outcome: str = ""  # killed, survived, or void: the change reaches no running code
    test: str = ""
    seconds: float = 0.0

    @property
    def key(self) -> tuple[str, str, int]:
        return self.module, self.function, self.number

    def source(self) -> str:
        lines = Path(MODULES[self.module]).read_text().splitlines()
        return "\n".join(lines[: self.first] + self.text + lines[self.last :]) + "\n"


class Visitor(MutationVisitor):
    """Mutmut's, but decorated functions are mutated too: here nothing is put around them."""

    def _skip_node_and_children(self, node: cst.CSTNode) -> bool:
        plain = isinstance(node, cst.FunctionDef) and bool(node.decorators)
        return not plain and super()._skip_node_and_children(node)


def mutants(name: str) -> list[Callable[[], Mutant | None]]:
    """Return the mutants of a module, those of its functions and of its constants, each to be rendered by a call.

    A call returns None for a change that leaves the text as it was. Rendering takes a tenth of a second and more.
    """
    code = Path(MODULES[name]).read_text()
    visitor = Visitor(mutation_operators, IgnoredCode(set(), set(), set()))
    module: Any = MetadataWrapper(cst.parse_module(code)).visit(visitor)
    owners = {
        id(method): node.name.value
        for node in module.body
        if isinstance(node, cst.ClassDef)
        for method in node.body.body
    }
    found, numbers = list[Callable[[], Mutant | None]](), Counter[str]()
    for mutation in visitor.mutations:
        function: Any = mutation.contained_by_top_level_function
        where = ""
        if isinstance(function, cst.FunctionDef):
            where = ".".join(filter(None, [owners.get(id(function)), function.name.value]))
        elif function is not None:
            continue  # the body of a class
        numbers[where] += 1
        found.append(partial(_rendered, name, where, numbers[where], code, module, mutation))
    return found


def _rendered(name: str, where: str, number: int, code: str, module: Any, mutation: Any) -> Mutant | None:
    function, change = mutation.contained_by_top_level_function, (mutation.original_node, mutation.mutated_node)
    lines = code.splitlines()
    if where and "." not in where:  # a function alone is rendered faster
        old, new = (module.code_for_node(f) for f in (function, function.deep_replace(*change)))
        changed = code.replace(old, new, 1).splitlines()
    else:
        changed = module.deep_replace(*change).code.splitlines()
    if changed == lines:
        return None
    first, tail = 0, 0
    while first < len(lines) and lines[first] == changed[first]:
        first += 1
    while tail < len(lines) - first and lines[-1 - tail] == changed[-1 - tail]:
        tail += 1
    last, low, high = len(lines) - tail, first, len(changed) - tail
    before, after = ("\n".join(x).strip() for x in (lines[first:last], changed[low:high]))
    return Mutant(name, where, number, before, after, first, last, changed[low:high])


def planted(name: str, function: str) -> list[Mutant]:
    """Return two mutants whose outcome is known: one that changes nothing, and one whose function raises."""
    body = next(
        node.body for node, where in _functions(ast.parse(Path(MODULES[name]).read_text())) if where == function
    )
    after = body[1] if len(body) > 1 and ast.get_docstring(ast.Module(body, [])) is not None else body[0]
    first = min([after.lineno, *(d.lineno for d in getattr(after, "decorator_list", []))]) - 1
    lines = Path(MODULES[name]).read_text().splitlines()
    if lines[first][: after.col_offset].strip():
        return []  # a body on the line of its def
    raised = " " * after.col_offset + 'raise RuntimeError("planted")'
    return [
        Mutant(name, function, 0, "unchanged", "", first, first, []),
        Mutant(name, function, 1, "", raised.strip(), first, first, [raised]),
    ]


def _functions(tree: ast.Module) -> Iterator[tuple[ast.FunctionDef, str]]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield node, node.name
        elif isinstance(node, ast.ClassDef):
            yield from ((m, f"{node.name}.{m.name}") for m in node.body if isinstance(m, ast.FunctionDef))


def codes(code: types.CodeType) -> Iterator[types.CodeType]:
    """Generate a code object and those within it."""
    yield code
    for part in code.co_consts:
        if isinstance(part, types.CodeType):
            yield from codes(part)


def apply(mutant: Mutant, functions: list[Any]) -> bool:
    """Put a mutant into the running modules; return whether anything changed."""
    path = Path(MODULES[mutant.module]).resolve()
    name = MODULES[mutant.module][:-3].replace("/", ".")
    code = compile(mutant.source(), str(path), "exec")
    scratch = _executed(code, name, path)
    if scratch is None:
        # a module that registers what it defines cannot be run twice: then the code of functions alone is changed
        if _executed(compile(path.read_text(), str(path), "exec"), name, path) is not None or not mutant.function:
            raise ImportError(name)
    module = importlib.import_module(name)
    if not mutant.function:
        changed = False
        unchanged = _executed(compile(path.read_text(), str(path), "exec"), name, path)
        for key, value in vars(scratch).items():
            if key.startswith("__") or repr(vars(unchanged).get(key)) == repr(value):
                continue
            old = vars(module).get(key)
            if isinstance(value, PLAIN):
                for other in [m for n, m in sys.modules.items() if n.split(".")[0] in OURS]:
                    if vars(other).get(key) is old:
                        setattr(other, key, value)
                        changed = True
            elif type(value).__module__ == name or isinstance(value, dict):
                changed |= _graft(old, value)
        return changed
    fresh = {part.co_qualname: part for part in codes(code)}
    for function in functions:
        if function.__code__.co_filename == str(path) and function.__code__.co_qualname == mutant.function:
            if len(function.__code__.co_freevars) != len(fresh[mutant.function].co_freevars):
                return False  # not a change that a running function can take
            function.__code__ = fresh[mutant.function]
            twin: Any = scratch
            for step in mutant.function.split("."):
                twin = getattr(twin, step, None)
            if isinstance(twin, types.FunctionType):  # else a command or a proof: decorated into something else
                function.__defaults__, function.__kwdefaults__ = twin.__defaults__, twin.__kwdefaults__
            return True
    return False


def _graft(old: Any, new: Any) -> bool:
    """Make an instance of a dataclass, or a dictionary, what its mutant is; return whether it changed."""
    if type(old).__qualname__ != type(new).__qualname__ or repr(old) == repr(new):
        return False
    if isinstance(old, dict):
        if repr(list(old)) != repr(list(new)):
            old.clear()
            old.update(new)
            return True
        different = [key for key in old if repr(old[key]) != repr(new[key]) and isinstance(new[key], PLAIN)]
        old.update({key: new[key] for key in different})
        return bool(different) | any([_graft(old[key], new[key]) for key in old])
    if not dataclasses.is_dataclass(old):
        return False
    changed = False
    for field in dataclasses.fields(old):
        value, other = getattr(old, field.name), getattr(new, field.name)
        if isinstance(value, PLAIN) and repr(value) != repr(other):
            object.__setattr__(old, field.name, other)
            changed = True
        else:
            changed |= _graft(value, other)
    return changed


def _executed(code: types.CodeType, name: str, path: Path) -> types.ModuleType | None:
    """Return a module of this code that nobody else sees; None if it raises."""
    scratch = types.ModuleType(name)
    scratch.__dict__.update(__file__=str(path), __package__=name.rpartition(".")[0])
    steps = sys.modules.get("proofs.steps")
    registered = dict(steps.PROOFS) if steps else {}  # no statement may be proved twice
    try:
        if steps:
            steps.PROOFS.clear()
        exec(code, scratch.__dict__)
    except Exception:
        return None
    finally:
        if steps:
            steps.PROOFS.clear()
            steps.PROOFS.update(registered)
    return scratch
