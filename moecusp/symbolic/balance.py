"""Load balancing as feedback control (docs/theory.md, section 9)."""

from __future__ import annotations

import sympy as sp

from moecusp.symbolic.formula import Formula, argument
from moecusp.symbolic.noise import B

_r = argument("rate", "update_rate", positive=True)
_lam = argument("lam", "eigenvalue", positive=True)
_q = argument("q", "token_variance", positive=True)
_v = argument("v", "drift")
_fast = argument("v", "drift", positive=True)
_step = argument("u", "bias_step", positive=True)
_S = argument("S", "deviation", positive=True)

_gap = 2 - _r * _lam
_stable = _r * _lam < 2
proportional_variance = Formula(
    "balance.proportional",
    (_r, _lam, _q, B),
    (_r * _q / (B * _lam * _gap), _r * _lam * _q / (B * _gap), 2 * _q / (B * _gap)),
    sp.And(_stable, B >= 1),
)
proportional_autocorrelation = Formula("balance.autocorrelation", (_r, _lam), (1 - _r * _lam, -_r * _lam / 2), _stable)
tracking_lag = Formula("balance.lag", (_v, _r), _v / _r)
best_update_rate_leading = Formula(
    "balance.best_rate",
    (_fast, _lam, _q, B),
    (4 * B * _fast**2 / (_lam * _q)) ** sp.Rational(1, 3),
    B >= 1,
)
effective_update_rate = Formula("balance.sign", (_step, _S), sp.sqrt(2 / sp.pi) * _step / _S)
sign_tracking_lag = Formula(
    "balance.sign_lag", (_v, _step, _S), sp.sqrt(2) * _S * sp.erfinv(_v / _step), sp.And(_v < _step, _v > -_step)
)
