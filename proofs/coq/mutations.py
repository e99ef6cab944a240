"""Negative controls: change one statement or definition and see the proofs break.

Each mutation makes a claim false (a constant changed, a hypothesis dropped, < for <=, a sign
flipped), and the changed file must still compile by itself: only then has a proof noticed.
A changed statement must break its own theorem in Main.v; a changed definition must break a file
that rests on it. Exit status: 0 every mutation was noticed, 1 one was not, 3 not run.
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from proofs.coq import check, sources


@dataclass(frozen=True)
class Mutation:
    """Replace `old` by `new` once, in the named statement or definition."""

    target: str
    old: str
    new: str

    @property
    def is_statement(self) -> bool:
        """Whether the target is a statement id, not the name of a definition."""
        return "." in self.target


@dataclass(frozen=True)
class Outcome:
    """Whether the proofs noticed, and where or why not."""

    mutation: Mutation
    noticed: bool
    detail: str


MUTATIONS: tuple[Mutation, ...] = (
    # statements of Statements.v, named by id
    Mutation("rule.drift", "- mu * s j + h j", "- mu * s j - h j"),
    Mutation("bridge.field", "beta / 2 *", "beta *"),
    Mutation("bridge.equilibria", "(kappa + h 0%nat + h 1%nat) / mu", "(kappa + h 0%nat + h 1%nat) * mu"),
    Mutation("zeros.below", "k <= lam -> ", ""),
    Mutation("zeros.three", "Rabs eta < eta_fold", "Rabs eta <= eta_fold"),
    Mutation("zeros.two", "has_zeros 2", "has_zeros 3"),
    Mutation("zeros.one", "eta_fold k lam < Rabs eta", "eta_fold k lam <= Rabs eta"),
    Mutation("stability.three", "0 < Derive (F k lam eta) b", "Derive (F k lam eta) b < 0"),
    Mutation("stability.global", "k <= lam ->", ""),
    Mutation("stability.rate", "- (lam - k) * t", "- (2 * (lam - k)) * t"),
    Mutation("potential.flow", "(- F k lam", "(F k lam"),
    Mutation("potential.maxwell", "eta = 0).", "0 <= eta)."),
    Mutation("pitchfork.criticality", "3 0 = - 2 * lam", "3 0 = 2 * lam"),
    Mutation("pitchfork.zeros", "u = us \\/ u = - us", "u = us"),
    Mutation("pitchfork.below", "k <= lam ->", "k <= 2 * lam ->"),
    Mutation("fold.curve", "u - sinh u", "u + sinh u"),
    Mutation("fold.dimensional", "2 * mu / beta", "mu / beta"),
    Mutation("fold.position", "sqrt (1 - lam / k)", "sqrt (1 - k / lam)"),
    Mutation("fold.nondegenerate", " -> u <> 0 ->", " ->"),
    Mutation("fold.slope", "1 - lam / k", "1 - k / lam"),
    Mutation("fold.bounds", "3 / 28", "3 / 29"),
    Mutation("fold.bounds", "1 / 5 * r ^ 5) <= eta_fold", "1 / 6 * r ^ 5) <= eta_fold"),
    Mutation("cubic.two", " /\\ mu <> 0", ""),
    Mutation("cubic.one", " \\/ (mu = 0 /\\ eta = 0)", ""),
    Mutation("cubic.remainder", "2 / 15", "1 / 8"),
    Mutation("cubic.sharp", "2 / 15 <= c", "1 / 7 <= c"),
    Mutation("cusp.inner", "9 * k", "9 * lam"),
    Mutation("cusp.outer", "9 * lam", "9 * k"),
    Mutation("expert.at_most_two_scores", " mu <> 0 ->", ""),
    Mutation("expert.exactly_one_favoured", " not_unstable K g no_drive v ->", ""),
    Mutation("expert.balanced_stable", "g < 1", "g <= 1"),
    Mutation("expert.one_favoured_stable", "INR K ^ 2 * g", "INR K * g"),
    Mutation("expert.fold_exists", "(3 <= K)", "(2 <= K)"),
    Mutation("expert.fold_threshold", "gain_fold K x <= g", "gain_fold K x < g"),
    Mutation("expert.fold_values", "915214525577575", "915214525577573"),
    Mutation("expert.equal_depth", "2 * ln", "ln"),
    Mutation("expert.first_order", "(3 <= K)", "(2 <= K)"),
    Mutation("expert.two_no_window", "g <= 1 -> ", ""),
    Mutation("expert.convex", "INR K * g < 2", "INR K * g < 3"),
    Mutation("expert.contraction", "2 - INR K * g", "3 - INR K * g"),
    Mutation("susceptibility.kernel_only", "0 < p n i", "0 <= p n i"),
    Mutation("susceptibility.bound", "/ 2 * sum", "/ 3 * sum"),
    Mutation("susceptibility.no_collapse", "< 2 * mu", "< 3 * mu"),
    Mutation("response.hard_top1", "PI / 2", "2 / PI"),
    Mutation("boundary.slope", "2 * f 0", "f 0"),
    Mutation("boundary.remainder", "w ^ 3 / 3", "w ^ 3 / 4"),
    Mutation("boundary.gaussian", "3 * s ^ 3", "4 * s ^ 3"),
    Mutation("flip.threshold", "(1 - g) < 2)", "(1 - g) <= 2)"),
    Mutation("flip.period_two", "2 < delta", "2 <= delta"),
    Mutation("noise.variance", "1 - a ^ 2", "1 - a"),
    Mutation("noise.density", "2 * cosh u", "cosh u"),
    Mutation("barrier.hamiltonian", "(1 + tanh u) / 2", "(1 - tanh u) / 2"),
    Mutation("barrier.root", "p * F g 1 eta u < 0", "0 < p * F g 1 eta u"),
    Mutation("fold.closed_form", "lam / 2", "lam"),
    Mutation("free.minimum", "0 <= B -> ", ""),
    Mutation("free.unique", "0 < H", "0 <= H"),
    Mutation("free.three_values", "(INR C - 1) * b", "INR C * b"),
    Mutation("free.rule", "(ln (INR C) - INR", "(ln (INR C) + INR"),
    # definitions of Definitions.v, named as there
    Mutation("F", "k * tanh u", "k * sinh u"),
    Mutation("V", "- eta * u", "+ eta * u"),
    Mutation("eta_fold", "- lam * arcosh", "+ lam * arcosh"),
    Mutation("has_zeros", "NoDup l /\\ ", ""),
    Mutation("softmax", "exp (v i) / sum", "v i / sum"),
    Mutation("Phi", "v i ^ 2 / 2", "v i ^ 2"),
    Mutation("chi", "- p n i * p n j", "+ p n i * p n j"),
    Mutation("step", "(1 - delta)", "(1 + delta)"),
    Mutation("hamiltonian", "(u - eta)", "(u + eta)"),
    Mutation("gauss", "2 * PI", "PI"),
    Mutation("gain_equal_depth", "2 * (INR K - 1)", "(INR K - 1)"),
    Mutation("free_loss", "- O * ln", "O * ln"),
    Mutation("free_slope", "+ B *", "- B *"),
    Mutation("class_mean", "/ INR C * ", ""),
)


def _swap(text: str, name: str, old: str, new: str) -> str:
    start = re.search(rf"^(?:Definition|Fixpoint) {name}\b", text, re.MULTILINE)
    if start is None:
        raise ValueError(f"no definition of {name}")
    end = re.compile(r"\.\s*$", re.MULTILINE).search(text, start.end())
    assert end is not None
    body = text[start.start() : end.end()]
    if old not in body:
        raise ValueError(f"{name} does not contain {old!r}")
    return text[: start.start()] + body.replace(old, new, 1) + text[end.end() :]


def _culprit(main: str, log: str) -> str | None:
    """Name of the theorem of Main.v in which the error lies."""
    line = re.search(r'File "\./Main\.v", line (\d+)', log)
    if line is None:
        return None
    above = "\n".join(main.splitlines()[: int(line.group(1))])
    names = re.findall(r"^Theorem (\w+)", above, re.MULTILINE)
    return names[-1] if names else None


def run(mutation: Mutation, built: Path, scratch: Path) -> Outcome:
    """Apply one mutation to a copy of a compiled library and recompile what it can reach."""
    for path in built.iterdir():
        shutil.copy(path, scratch / path.name)
    file = "Statements.v" if mutation.is_statement else "Definitions.v"
    name = mutation.target.replace(".", "_")
    text = (scratch / file).read_text()
    (scratch / file).write_text(_swap(text, name, mutation.old, mutation.new))
    files = [file, "Main.v"] if mutation.is_statement else sources.sources(built)
    build = check.compile(built, scratch, files)
    if build.ok:
        return Outcome(mutation, False, "every proof still compiles")
    if build.failed == file:
        return Outcome(mutation, False, f"{file} itself does not compile:\n{build.log}")
    if not mutation.is_statement:
        return Outcome(mutation, True, f"{build.failed} breaks")
    culprit = _culprit((scratch / "Main.v").read_text(), build.log)
    return Outcome(mutation, culprit == name, f"theorem {culprit} breaks")


def main(targets: list[str]) -> int:
    """Run every mutation, or those of the named targets, and print one line each."""
    chosen = [mutation for mutation in MUTATIONS if not targets or mutation.target in targets]
    if not check.available():
        print("not run: coqc is missing")
        return check.NOT_RUN
    with tempfile.TemporaryDirectory(prefix="moecusp-mutations-") as folder:
        built = Path(folder) / "built"
        built.mkdir()
        shutil.copy(sources.DIRECTORY / "_CoqProject", built / "_CoqProject")
        base = check.compile(sources.DIRECTORY, built)
        if not base.ok:
            print(f"the unchanged library does not compile: {base.failed}\n{base.log}")
            return 1
        missed = 0
        for number, mutation in enumerate(chosen):
            scratch = Path(folder) / f"m{number}"
            scratch.mkdir()
            outcome = run(mutation, built, scratch)
            shutil.rmtree(scratch)
            missed += not outcome.noticed
            verdict = "noticed" if outcome.noticed else "MISSED"
            change = f"{mutation.old!r} -> {mutation.new!r}"
            print(f"{verdict:<8}{mutation.target:<30}{change}: {outcome.detail}", flush=True)
    print(f"{len(chosen) - missed} of {len(chosen)} mutations noticed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
