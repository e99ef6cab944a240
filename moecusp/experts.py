"""K experts: where the balanced router can collapse, and where it must (docs/theory.md, section 5).

In units where the gain is 1 when the balanced state loses stability. x = v_high - v_low is the difference in reduced
scores (v = beta s) between a favoured expert and the others.
"""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal, localcontext
from typing import Any

import numpy as np

from moecusp._arguments import REAL, Array, ParameterError, Range, real, reals
from moecusp._numerics import expert_kernels as kernels
from moecusp._numerics import pairs as dd
from moecusp._numerics.gradients import evaluate
from moecusp._numerics.kernels import sinh_remainder
from moecusp._numerics.operations import is_tensor, namespace, nonzero, on_host, where

_EXPERTS = Range(low=2.0)


def balanced_critical_gain(experts: Any) -> Any:
    """Gain at which the balanced state of K experts loses stability: 1, whatever K.

    Parameters
    ----------
    experts : array_like of int
        Number of experts K >= 2.

    Returns
    -------
    float or ndarray
        1, of the shape of experts. In units: kappa_c = K mu/beta.

    Raises
    ------
    ParameterError
        If experts is not an integer >= 2, or is empty.

    References
    ----------
    Statement ``expert.balanced``; docs/theory.md, section 5.

    Examples
    --------
    >>> from moecusp import balanced_critical_gain
    >>> float(balanced_critical_gain(8))
    1.0
    """
    k = _counts(experts)
    return namespace(k).ones_like(k)[()]


def expert_fold_gain(experts: Any) -> Any:
    """Smallest gain at which a collapsed state of K experts exists: min over x > 0 of x (1/(exp x - 1) + 1/K).

    Between it and 1 the balanced state is stable, but a large enough knock makes one expert take over for good.

    Parameters
    ----------
    experts : array_like of int
        Number of experts K >= 2.

    Returns
    -------
    float or ndarray
        g_fold in (0, 1], of the shape of experts; 1 for two experts, whose collapse is continuous.

    Raises
    ------
    ParameterError
        If experts is not an integer >= 2, or is empty.

    Notes
    -----
    K g_fold ~ log K for many experts. With w = x/2 the minimum is at coth w - w/sinh^2 w = 1 - 2/K, and
    g_fold = (w/sinh w)^2. Computed in double-double and rounded: right to 1 ulp for K up to 2^53.

    References
    ----------
    Statement ``expert.fold_gain``; docs/theory.md, section 5.

    Examples
    --------
    >>> from moecusp import expert_fold_gain
    >>> round(float(expert_fold_gain(8)), 12)
    0.531224876081
    """

    def function(k: Array) -> Array:
        _, gain = kernels.fold_point(np.ones_like(k), np.maximum(k, 3.0))
        return np.where(k > 2.0, gain[0], 1.0)

    return on_host(function, _counts(experts))[()]


def equal_depth_gain(experts: Any) -> Any:
    """Gain at which the balanced and the collapsed state are equally deep, g_M = 2 (K-1) log(K-1)/(K (K-2)).

    There the favoured expert takes the load (K-1)/K, and x = 2 log(K-1).

    Parameters
    ----------
    experts : array_like of int
        Number of experts K >= 2.

    Returns
    -------
    float or ndarray
        g_M in (0, 1], of the shape of experts; its limit 1 for two experts.

    Raises
    ------
    ParameterError
        If experts is not an integer >= 2, or is empty.

    Notes
    -----
    The transition of the mean-field Potts model with K colours.

    References
    ----------
    Statement ``expert.equal_depth``; docs/theory.md, section 5. F. Y. Wu, Rev. Mod. Phys. 54 (1982) 235, eq. 1.39.

    Examples
    --------
    >>> from moecusp import equal_depth_gain
    >>> round(float(equal_depth_gain(3)), 12)
    0.924196240747
    """
    k = _counts(experts)
    rest = where(k > 2.0, k - 2.0, 1.0)
    return where(k > 2.0, (2.0 * (k - 1.0) / k) * (namespace(k).log(rest + 1.0) / rest), 1.0)[()]


def expert_fold_curve(x: Any, experts: Any) -> tuple[Any, Any]:
    """Fold curve of K experts with a drive eta on one of them alone.

    g = (Y + K - 1)^2/(K^2 Y) and eta = x - (Y - 1)(Y + K - 1)/(K Y), Y = exp x: all solutions of
    K g (Y - 1)/(Y + K - 1) - x + eta = 0 at which the derivative in x vanishes too.

    Parameters
    ----------
    x : array_like
        Reduced score of the driven expert less that of the others (dimensionless), any real.
    experts : array_like of int
        Number of experts K >= 2. Broadcasts with x.

    Returns
    -------
    (gain, asymmetry) : tuple of float or ndarray
        Of the broadcast shape; inf where they exceed the range of a float. The asymmetry is that of the driven
        expert's own score, beta h/mu: for two experts twice the one of `fold_curve`, and x twice its u.

    Raises
    ------
    ParameterError
        If x is not finite and real, experts is not an integer >= 2, or the shapes do not broadcast.

    Notes
    -----
    The curve has a cusp at x = log(K - 1), and meets eta = 0 twice: at the gain 1 (x = 0) and at `expert_fold_gain`.
    Around that second zero the asymmetry is computed in double-double, and for the few floats next to it in decimal
    arithmetic, so that its digits are kept there as well. Tensors are differentiated in x.

    References
    ----------
    Statement ``expert.fold_curve``; docs/theory.md, section 5.

    Examples
    --------
    >>> from moecusp import expert_fold_curve
    >>> gain, asymmetry = expert_fold_curve(0.0, 8)
    >>> float(gain), float(asymmetry)
    (1.0, 0.0)
    """
    _counts(experts)

    def gain(x: Any) -> Any:
        (d, k), restore = reals(x=(x, REAL), experts=(experts, _EXPERTS))
        with np.errstate(all="ignore"):
            return restore(_fold_gain(d, k))

    def asymmetry(x: Any) -> Any:
        (d, k), restore = reals(x=(x, REAL), experts=(experts, _EXPERTS))
        with np.errstate(all="ignore"):
            return restore(_fold_drive(d, k) + 0.0)

    def along(x: Any, _: Any) -> tuple[Any]:
        return ((x.exp() - (experts - 1.0) ** 2 * (-x).exp()) / (experts * 1.0) ** 2,)

    def across(x: Any, _: Any) -> tuple[Any]:
        return (x.neg().expm1() * (x.exp() - (experts - 1.0)) / experts,)

    if is_tensor(experts) or is_tensor(x):
        real("x", x)
        tensor = x if is_tensor(x) else experts
        x, experts = (namespace(tensor).as_tensor(v, device=tensor.device) for v in (x, experts))
        with suppress(RuntimeError):  # which the functions turn into a ParameterError
            x, experts = namespace(x).broadcast_tensors(x, experts)
    return evaluate(gain, along, x), evaluate(asymmetry, across, x)


def _fold_gain(x: Any, k: Any) -> Any:
    """Return g, the square of exp(x/2)/K + exp(-x/2) (K - 1)/K."""
    xp = namespace(x)
    w = 0.5 * xp.clip(x, -1200.0, 1200.0)
    rising, falling = dd.exp_pair(dd.single(w)), dd.exp_pair(dd.single(-w))
    root = dd.divide(dd.add(rising, dd.multiply(falling, dd.single(k - 1.0))), dd.single(k))
    square = root[0] * root[0]
    return where(square < np.inf, dd.rounded(dd.multiply(root, root)), square)


def _fold_drive(x: Any, k: Any) -> Any:
    """Return eta = t (cosh x - 1) - (sinh x - x), t = 1 - 2/K, in the form that keeps its digits."""
    xp = namespace(x)
    t = (k - 2.0) / k
    double = 2.0 * xp.sinh(0.5 * x) ** 2  # cosh x - 1
    mixed = where(t > 0.0, t * double, 0.0) - sinh_remainder(x)
    rest = kernels.falling_exponential_remainder(where(x > 0.0, x, 0.0)) - (2.0 / k) * double
    high = 6.0 + 4.0 * xp.log(k)  # above it `rest`, below -300 one exponential is all
    large = -x > 300.0
    result = where(x > high, rest, mixed)
    result = where(large, dd.times_exp(dd.divide(dd.single(k - 1.0), dd.single(k)), dd.single(-x)) + x, result)

    # between: a difference of two terms that may be nearly equal, in double-double
    between = (x > 1e-3) & (x <= high) & (k > 2.0)
    score, count = dd.single(x[between]), dd.single(k[between])
    e = dd.expm1(score)
    taken = dd.divide(dd.multiply(e, dd.add(e, count)), dd.multiply(count, dd.add(e, dd.single(xp.ones_like(e[0])))))
    found = dd.add(score, dd.negative(taken))[0]
    few = nonzero(abs(found) < 1e-13 * score[0])
    if len(few):
        found[few] = on_host(_decimal_drive, score[0][few], count[0][few])
    result[between] = found
    return result


@np.vectorize
def _decimal_drive(x: float, k: float) -> float:
    with localcontext() as context:
        context.prec = 80
        score, count = Decimal(float(x)), Decimal(float(k))
        grown = score.exp()
        return float(score - (grown - 1) * (grown + count - 1) / (count * grown))


def _counts(experts: Any) -> Any:
    """Return numbers of experts as float64, or raise ParameterError."""
    if is_tensor(experts):
        if experts.is_floating_point() or experts.is_complex() or str(experts.dtype) == "torch.bool":
            raise ParameterError("experts", experts, "an integer >= 2")
        if experts.numel() == 0 or experts.min() < 2:
            raise ParameterError("experts", experts, "an integer >= 2, and not empty")
        return experts.double()
    try:
        array = np.asarray(experts)
    except (ValueError, TypeError) as error:
        raise ParameterError("experts", experts, "an integer >= 2, in a regular array") from error
    if array.dtype.kind not in "iu" or array.size == 0 or array.min() < 2:
        raise ParameterError("experts", experts, "an integer >= 2, and not empty")
    return array.astype(np.float64)
