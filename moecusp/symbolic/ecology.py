"""The E parameter, its mean-field competitor and the derived rule (docs/theory.md, section 8)."""

from __future__ import annotations

import sympy as sp

from moecusp.symbolic.boundary import T
from moecusp.symbolic.formula import Formula, argument
from moecusp.symbolic.two_experts import K

H = argument("H", "entropy_weight", nonnegative=True)
oracle = argument("O", "oracle_weight", nonnegative=True)
balance = argument("B", "balance_weight", nonnegative=True)

ecology_parameter = Formula(
    "ecology.parameter", (T, H, oracle, balance), T * H / (oracle + balance), oracle + balance > 0
)
mean_field_competitor = Formula("ecology.competitor", (H, oracle, balance), (H + balance) / oracle, oracle > 0)

_C = argument("C", "classes", integer=True, positive=True)
_k = argument("k", "choices", integer=True, positive=True)
_theta = argument("theta", "threshold", positive=True)
_x = argument("x", "balance_over_oracle", nonnegative=True)
_gap = K * (1 / _C - (_k - 1) / (K - _C)) / _k
_counts = sp.And(_C < K, _k <= K - _C + 1)
_log_r = -(oracle + balance * (sp.log(_C) - _gap)) / (H + balance)
_rule = (H, oracle, balance, K, _C, _k)

log_dead_expert_probability = Formula("ecology.dead_expert", _rule, _log_r, sp.And(H + balance > 0, _counts))
dead_expert_probability = Formula("ecology.dead_expert", _rule, sp.exp(_log_r), sp.And(H + balance > 0, _counts))
critical_ratio = Formula(
    "ecology.critical_ratio",
    (_theta, _x, K, _C, _k),
    (1 + _x * (sp.log(_C) - _gap)) / sp.log(1 / _theta),
    sp.And(_theta < 1, _counts),
)
_G = sp.log((1 - (K - _C) * _theta) / (_C * _theta)) + _gap
_a = 1 - (K - _C) * _theta - (_C - 1) * _theta * sp.exp(-balance * _G / H)
critical_oracle_weight = Formula(
    "ecology.critical_oracle",
    (_theta, H, balance, K, _C, _k),
    _a * (H * sp.log(_a / _theta) + balance * _G),
    sp.And(H > 0, _theta * K < 1, _counts, _G >= 0),
)
