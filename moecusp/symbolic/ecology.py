"""The E parameter and its mean-field competitor (docs/theory.md, section 8)."""

from __future__ import annotations

from moecusp.symbolic.boundary import T
from moecusp.symbolic.formula import Formula, argument

H = argument("H", "entropy_weight", nonnegative=True)
oracle = argument("O", "oracle_weight", nonnegative=True)
balance = argument("B", "balance_weight", nonnegative=True)

ecology_parameter = Formula(
    "ecology.parameter", (T, H, oracle, balance), T * H / (oracle + balance), oracle + balance > 0
)
mean_field_competitor = Formula("ecology.competitor", (H, oracle, balance), (H + balance) / oracle, oracle > 0)
