"""What mutation testing covers: the modules, by area, and the test files that are to notice their mutants.

Files are found by pattern, so that a module moved or added inside a folder is covered without a change here.
`test_mutated.py` fails for a name without a file, for an area without modules or tests, and for a module left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

ENGINE = (
    "steps double elementary roots kernels pairs expert_kernels expert_solver escape_slope gauss logistic density "
    "action action_slopes monomials leads"
)
PUBLIC = (
    "folds dynamics cusps equilibria experts expert_states noise stationary escape rates boundary softhard "
    "susceptibility ties ecology reduced parameters interfaces expert_boundary landscape _grids _logits "
    "boundary_exponent balance balance_tracking balance_sign balance_covariance balance_loss flips "
    "susceptibility_estimate dead_experts critical_oracle"
)
RESPONSES = "base equilibria softmax hard_gaussian logistic_normal empirical condensed"
NUMERIC = {name: f"moecusp/_numerics/{name}.py" for name in ENGINE.split()}
NUMERIC |= {name: f"moecusp/{name}.py" for name in PUBLIC.split()}
NUMERIC |= {f"responses.{name}": f"moecusp/responses/{name}.py" for name in RESPONSES.split()}
NUMERIC_TESTS = (
    "accuracy arguments balance balance_loss boundary cusps density dynamics ecology equilibria escape escape_layers "
    "escape_path boundary_exponent expert_boundary expert_kernels expert_states interfaces landscape "
    "escape_slope experts folds gauss kernels logistic noise pairs parameters quiet rates responses "
    "responses_condensed "
    "responses_empirical responses_hard_gaussian responses_logistic_normal responses_ramp responses_softmax softhard "
    "steps exponents susceptibility symmetry tensor_derivatives tensor_equilibria tensors flips "
    "susceptibility_estimate dead_experts critical_oracle"
)


@dataclass(frozen=True)
class Area:
    """Modules and their tests, as patterns of paths; what is left out, and why."""

    modules: tuple[str, ...]
    tests: tuple[str, ...]
    left_out: tuple[str, ...] = ()


AREAS = {
    "certify": Area(("moecusp/certify/**/*.py",), ("tests/test_certify*.py", "tests/certify/**/test_*.py")),
    "report": Area(
        ("moecusp/report/**/*.py",),
        ("tests/test_report*.py", "tests/report/**/test_*.py", "tests/test_verdict*.py", "tests/test_provenance*.py"),
    ),
    "diagnosis": Area(("moecusp/diagnosis/**/*.py",), ("tests/diagnosis/**/test_*.py",)),
    "routing": Area(("moecusp/routing/**/*.py",), ("tests/test_routing*.py", "tests/routing/**/test_*.py")),
    "simulate": Area(
        ("moecusp/simulate.py", "moecusp/transfer.py", "moecusp/_simulation/**/*.py"),
        ("tests/test_simulate*.py", "tests/test_transfer*.py", "tests/simulat*/**/test_*.py"),
        # compiled while they are imported, by numba and triton, which a fork cannot change
        ("moecusp/_simulation/compiled*.py", "moecusp/_simulation/fused*.py"),
    ),
    "cli": Area(
        ("moecusp/cli/*.py", "moecusp/__main__.py"),
        (
            "tests/test_cli*.py",
            "tests/cli/**/test_*.py",
            "tests/test_metrics_layers.py",
            "tests/diagnosis/test_command.py",
        ),
    ),
    "validation": Area(
        ("validation/**/*.py",),
        ("tests/validation/**/test_*.py", "tests/test_mean_field*.py", "tests/test_digits.py"),
        # evidence of other kinds: benchmarks, and the references that the tests of accuracy rest on
        (
            "validation/benchmarks/**/*.py",
            "validation/accuracy*",
            "validation/accuracy/**/*.py",
            "validation/reference.py",
        ),
    ),
    "proofs": Area(
        ("proofs/*.py", "proofs/coq/*.py"),
        ("tests/test_proofs_*.py",),
        # the proofs themselves, of which `make mutations` changes the statements, and what writes the series
        tuple(
            f"proofs/{name}.py"
            for name in "balance boundary constants cusps dynamics ecology equilibria experts floats folds "
            "interfaces landscape noise responses series susceptibility".split()
        ),
    ),
}


def files(patterns: tuple[str, ...]) -> list[str]:
    """Return the files that patterns name, relative to the root."""
    return sorted({p.relative_to(ROOT).as_posix() for pattern in patterns for p in ROOT.glob(pattern) if p.is_file()})


def modules(area: str) -> dict[str, str]:
    """Return the modules of an area by name: `numeric`, or one of AREAS; the dotted path without `moecusp`."""
    if area == "numeric":
        return NUMERIC
    chosen = set(files(AREAS[area].modules)) - set(files(AREAS[area].left_out))
    return {_name(path): path for path in sorted(chosen) if not path.endswith("__init__.py")}


def _name(path: str) -> str:
    return path.removeprefix("moecusp/").removesuffix(".py").replace("/", ".")


def tests(area: str) -> list[str]:
    """Return the test files of an area."""
    if area == "numeric":
        return [f"tests/test_{name}.py" for name in NUMERIC_TESTS.split()]
    return files(AREAS[area].tests)


MODULES = {name: path for area in ("numeric", *AREAS) for name, path in modules(area).items()}
AREA_OF = {name: area for area in ("numeric", *AREAS) for name in modules(area)}


def selected(word: str) -> list[str]:
    """Return the modules that a word of the command line names: a module, an area, or a folder of one."""
    found = [name for name in MODULES if word in (name, AREA_OF[name]) or name.startswith(f"{word}.")]
    if word in NUMERIC:
        return [word]
    if not found:
        raise SystemExit(f"{word} is no module and no area; areas: numeric, {', '.join(AREAS)}")
    return found
