"""Compile the formal layer from clean and audit what it proves.

Exit status of the command: 0 sound, 1 a problem, 3 not run because coqc is missing.
Needs Python 3.11 and nothing else; Coq, Coquelicot and Interval for the compilation.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from proofs.coq.sources import DIRECTORY, Statement, forbidden, inconsistencies, sources, statements

LIBRARY = "MoeCusp"
FLAGS = ("-q", "-w", "-ambiguous-paths", "-Q", ".", LIBRARY)
NOT_RUN = 3

# The classical real numbers of Coq's standard library rest on these four, and on nothing else.
ALLOWED = frozenset(
    {
        "ClassicalDedekindReals.sig_not_dec",
        "ClassicalDedekindReals.sig_forall_dec",
        "FunctionalExtensionality.functional_extensionality_dep",
        "Classical_Prop.classic",
    }
)

_AXIOM = re.compile(r"^([A-Za-z_][\w.']*)(?=\s*:|\s*$)", re.MULTILINE)
_MARK = re.compile(r'^"== (\w+)"', re.MULTILINE)


@dataclass(frozen=True)
class BuildResult:
    """Outcome of a compilation: the folder holds the compiled library if it is ok."""

    ok: bool
    seconds: float
    processor_seconds: float
    directory: Path
    failed: str | None = None
    log: str = ""


@dataclass
class Report:
    """All that the audit found."""

    statements: dict[str, Statement]
    problems: list[str] = field(default_factory=list)
    build: BuildResult | None = None
    axioms: dict[str, frozenset[str]] = field(default_factory=dict)

    @property
    def ran(self) -> bool:
        """Whether Coq was there to be asked."""
        return self.build is not None

    @property
    def ok(self) -> bool:
        """Whether every statement is proved and nothing is wrong."""
        return self.ran and not self.problems


def available() -> bool:
    """Whether coqc can be called."""
    return shutil.which("coqc") is not None


def _coqc(directory: Path, file: str, timeout: float) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["coqc", *FLAGS, file],
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def _children() -> float:
    """Processor time of the finished child processes, in seconds."""
    used = os.times()
    return used.children_user + used.children_system


def compile(
    directory: Path = DIRECTORY,
    target: Path | None = None,
    files: list[str] | None = None,
    timeout: float = 300.0,
) -> BuildResult:
    """Compile a copy of the sources from clean, one file at a time, up to the first failure.

    Parameters
    ----------
    directory : Path
        Folder with the sources and _CoqProject.
    target : Path, optional
        Folder to compile in; by default a fresh temporary one, which the caller removes.
    files : list of str, optional
        Recompile only these, in this order, in a target that already holds a compiled library.
    timeout : float
        Limit for one file, in seconds.

    Returns
    -------
    BuildResult
        Time, log and the file that failed, if one did.
    """
    where = target or Path(tempfile.mkdtemp(prefix="moecusp-coq-"))
    if files is None:
        for name in sources(directory):
            shutil.copy(directory / name, where / name)
    start, spent = time.monotonic(), _children()
    log: list[str] = []

    def result(failed: str | None) -> BuildResult:
        elapsed, used = time.monotonic() - start, _children() - spent
        return BuildResult(failed is None, elapsed, used, where, failed, "\n".join(log))

    for name in files or sources(directory):
        try:
            done = _coqc(where, name, timeout)
        except subprocess.TimeoutExpired:
            log.append(f"{name}: no result in {timeout:g} s")
            return result(name)
        log += [text for text in (done.stdout, done.stderr) if text.strip()]
        if done.returncode != 0:
            return result(name)
    return result(None)


def parse_assumptions(output: str) -> frozenset[str]:
    """Names of the axioms in what one Print Assumptions printed."""
    if "Closed under the global context" in output:
        return frozenset()
    return frozenset(_AXIOM.findall(output)) - {"Axioms", "Section"}


def assumptions(built: Path, names: list[str], each: bool = False, timeout: float = 600.0) -> dict[str, frozenset[str]]:
    """Axioms behind the theorems, asked of Coq in a file of its own.

    That file also makes Coq check that each theorem of Main has the type of that name in
    Statements. By default all theorems are asked about at once, and each gets the common bound;
    with `each` every one is asked about alone, at about a second apiece.
    """
    lines = [f"From {LIBRARY} Require Statements Main."]
    lines += [f"Definition c_{n} : {LIBRARY}.Statements.{n} := {LIBRARY}.Main.{n}." for n in names]
    if each:
        for name in names:
            lines += [f'Eval compute in "== {name}"%string.', f"Print Assumptions c_{name}."]
        lines.insert(0, "From Coq Require Import String.")
    else:
        lines += [f"Definition everything := ({', '.join(f'c_{n}' for n in names)})."]
        lines += ["Print Assumptions everything."]
    (built / "Audit.v").write_text("\n".join(lines) + "\n")
    done = _coqc(built, "Audit.v", timeout)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip())
    if not each:
        return dict.fromkeys(names, parse_assumptions(done.stdout))
    text = re.sub(r'^\s*= "', '"', done.stdout, flags=re.MULTILINE)
    text = re.sub(r"^\s*: string\n", "", text, flags=re.MULTILINE)
    parts = _MARK.split(text)
    return {name: parse_assumptions(body) for name, body in zip(parts[1::2], parts[2::2], strict=True)}


def audit(directory: Path = DIRECTORY, each: bool = False) -> Report:
    """Read, compile and question the library; the temporary copy is removed."""
    report = Report(statements(directory))
    report.problems += inconsistencies(directory) + forbidden(directory)
    if not available():
        return report
    build = report.build = compile(directory)
    try:
        if not build.ok:
            report.problems.append(f"{build.failed} does not compile:\n{build.log}")
            return report
        names = [statement.name for statement in report.statements.values()]
        try:
            report.axioms = assumptions(build.directory, names, each)
        except RuntimeError as error:
            report.problems.append(f"a theorem does not have the type stated: {error}")
        else:
            missing = set(names) - report.axioms.keys()
            report.problems += [f"{name}: no answer about its assumptions" for name in sorted(missing)]
            report.problems += list(_beyond(report.axioms))
    finally:
        shutil.rmtree(build.directory, ignore_errors=True)
    return report


def _beyond(axioms: dict[str, frozenset[str]]) -> Iterator[str]:
    for name, used in axioms.items():
        if used - ALLOWED:
            yield f"{name}: assumes {', '.join(sorted(used - ALLOWED))}"


def main(arguments: list[str]) -> int:
    """Print one line a statement, then the problems."""
    each = "--each" in arguments
    report = audit(each=each)
    width = max((len(key) for key in report.statements), default=0)
    for statement in report.statements.values():
        used = report.axioms.get(statement.name)
        if not report.ran:
            verdict = "not run"
        elif used is None:
            verdict = "unknown"
        else:
            verdict = "proved" if used <= ALLOWED else "rejected"
        print(f"{statement.id:<{width}}  {verdict:<9}{statement.text}")
    for problem in report.problems:
        print(f"PROBLEM {problem}")
    if report.build is None:
        print("not run: coqc is missing; on Debian: apt-get install coq libcoq-coquelicot libcoq-interval")
        return 1 if report.problems else NOT_RUN
    union = frozenset[str]().union(*report.axioms.values())
    build = report.build
    print(
        f"{len(report.statements)} statements, compiled from clean in {build.seconds:.1f} s"
        f" ({build.processor_seconds:.1f} s of processor time)"
    )
    print(f"axioms ({'each' if each else 'all together'}): {', '.join(sorted(union)) or 'none'}")
    return 0 if report.ok else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
