"""A balance loss against reinforcement: how strong it must be, and how strong it may be (docs/theory.md, section 9).

The loss alpha K sum f_i P_i, f the loads (held fixed) and P the mean probabilities, under gradient flow at rate rho on
the scores s, beside the reinforcement: ds/dt = kappa f - mu s - rho alpha K chi_soft f, for dP/ds = chi_soft. Where the
loads are equal chi_soft f = 0 whatever chi_soft, so the Jacobian is (kappa - rho alpha K chi_soft) chi_load - mu.
Elsewhere the change of chi_soft adds to it: nothing here holds away from balance.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from moecusp._arguments import NON_NEGATIVE, POSITIVE, Array, ParameterError, Range, constant
from moecusp.balance_covariance import matrix

_NULL = 1e-12  # eigenvalues below this share of the largest are none
_TURNS = 100


def balance_loss_jacobian(
    feedback: Any, decay: Any, loss_weight: Any, loss_rate: Any, soft_susceptibility: Any, load_susceptibility: Any
) -> Any:
    """Jacobian of the scores at balance, J = (kappa I - rho alpha K chi_soft) chi_load - mu I.

    Parameters
    ----------
    feedback : array_like, shape (...)
        kappa >= 0 (score/time).
    decay : array_like, shape (...)
        mu >= 0 (1/time).
    loss_weight : array_like, shape (...)
        alpha >= 0.
    loss_rate : array_like, shape (...)
        rho > 0 (score^2/time): how fast gradient flow follows the loss; with Adam this is not the learning rate.
    soft_susceptibility : array_like, shape (..., K, K)
        chi_soft = dP/ds of the mean probabilities (1/score), as from `susceptibility`.
    load_susceptibility : array_like, shape (..., K, K)
        chi_load = df/ds of the loads that the loss counts (1/score): chi_soft itself, or that of hard routing.

    Returns
    -------
    ndarray, shape (..., K, K)
        J (1/time). Its eigenvalues are real.

    Raises
    ------
    ParameterError
        If an argument is out of range, a matrix is not square, not symmetric, has rows that do not add up to 0 or a
        negative eigenvalue, or the shapes do not broadcast; for a tensor that asks for a gradient.

    References
    ----------
    Statement ``balance.loss``; docs/theory.md, section 9.

    Examples
    --------
    >>> import numpy as np
    >>> from moecusp import balance_loss_jacobian, susceptibility
    >>> chi = susceptibility(np.zeros((1, 2)))
    >>> balance_loss_jacobian(3.0, 1.0, 0.5, 1.0, chi, chi).tolist()
    [[-0.375, -0.625], [-0.625, -0.375]]
    """
    kappa, mu, x, soft, load = _scores(
        feedback, decay, loss_weight, loss_rate, soft_susceptibility, load_susceptibility
    )
    with np.errstate(all="ignore"):
        return kappa * load - x * (soft @ load) - mu * np.eye(soft.shape[-1])


def balance_loss_growth(
    feedback: Any, decay: Any, loss_weight: Any, loss_rate: Any, soft_susceptibility: Any, load_susceptibility: Any
) -> Any:
    """Growth rate of an imbalance: the largest eigenvalue of J on changes that leave the mean score.

    J has the eigenvalues of the symmetric chi_load^(1/2) (kappa - rho alpha K chi_soft) chi_load^(1/2) - mu: they are
    real, and the largest falls, convexly, in alpha.

    Parameters
    ----------
    feedback, decay, loss_weight, loss_rate : array_like, shape (...)
        kappa >= 0 (score/time), mu >= 0 (1/time), alpha >= 0, rho > 0 (score^2/time).
    soft_susceptibility, load_susceptibility : array_like, shape (..., K, K)
        As for `balance_loss_jacobian`.

    Returns
    -------
    float or ndarray, shape (...)
        Growth rate (1/time): balance is stable where it is negative.

    Raises
    ------
    ParameterError
        As for `balance_loss_jacobian`.

    References
    ----------
    Statement ``balance.loss``; docs/theory.md, section 9.

    Examples
    --------
    >>> import numpy as np
    >>> from moecusp import balance_loss_growth, susceptibility
    >>> chi = susceptibility(np.zeros((1, 2)))
    >>> round(float(balance_loss_growth(3.0, 1.0, 0.5, 1.0, chi, chi)), 12)
    0.25
    """
    kappa, mu, x, soft, load = _scores(
        feedback, decay, loss_weight, loss_rate, soft_susceptibility, load_susceptibility
    )
    with np.errstate(all="ignore"):
        reward, penalty = _reduced(soft, load)
        return (np.linalg.eigvalsh(kappa * reward - x * penalty)[..., -1] - mu[..., 0, 0])[()]


def critical_loss_weight(
    feedback: Any, decay: Any, loss_rate: Any, soft_susceptibility: Any, load_susceptibility: Any
) -> Any:
    """Least weight alpha_c >= 0 of a balance loss at which balance stops being unstable.

    At uniform soft routing alpha_c = (kappa - K mu/beta)/(rho beta).

    Parameters
    ----------
    feedback, decay, loss_rate : array_like, shape (...)
        kappa >= 0 (score/time), mu >= 0 (1/time), rho > 0 (score^2/time).
    soft_susceptibility, load_susceptibility : array_like, shape (..., K, K)
        As for `balance_loss_jacobian`.

    Returns
    -------
    float or ndarray, shape (...)
        alpha_c; 0 where balance is stable without a loss, inf where no weight suffices: a growing mode to which the
        probabilities do not answer.

    Raises
    ------
    ParameterError
        As for `balance_loss_jacobian`.

    Notes
    -----
    The growth rate is convex and falls in alpha: Newton's method from 0 rises to alpha_c and never passes it.

    References
    ----------
    Statement ``balance.critical_weight``; docs/theory.md, section 9.

    Examples
    --------
    >>> import numpy as np
    >>> from moecusp import critical_loss_weight, susceptibility
    >>> chi = susceptibility(np.zeros((1, 8)))
    >>> round(float(critical_loss_weight(10.0, 1.0, 1.0, chi, chi)), 12)
    2.0
    """
    kappa, mu, rate, soft, load = _scores(feedback, decay, 1.0, loss_rate, soft_susceptibility, load_susceptibility)
    with np.errstate(all="ignore"):
        reward, penalty = _reduced(soft, load)
        reward, penalty, mu = np.broadcast_arrays(kappa * reward, rate * penalty, mu)
        least = np.empty(reward.shape[:-2])
        for place in np.ndindex(least.shape):
            least[place] = _least(reward[place], penalty[place], float(mu[place][0, 0]))
        return least[()]


def _least(reward: Array, penalty: Array, decay: float) -> float:
    """Return the least x >= 0 at which no eigenvalue of reward - x penalty exceeds the decay."""
    x, strength = 0.0, float(np.abs(penalty).max())
    for _ in range(_TURNS):
        values, vectors = np.linalg.eigh(reward - x * penalty)
        excess, v = float(values[-1]) - decay, vectors[:, -1]
        if excess <= 4e-16 * (float(np.abs(reward).max()) + x * strength + decay):
            break
        slope = float(v @ penalty @ v)
        if slope <= _NULL * strength:
            return np.inf
        x += excess / slope
    return x


def largest_safe_loss_weight(loss_rate: Any, soft_susceptibility: Any, load_susceptibility: Any) -> Any:
    """Largest weight alpha of a balance loss whose discrete steps are stable, without reinforcement and decay.

    s <- s - rho alpha K chi_soft f is stable iff rho alpha K lambda_max(chi_soft chi_load) < 2.

    Parameters
    ----------
    loss_rate : array_like, shape (...)
        rho > 0 (score^2): one step moves the scores by rho times the gradient.
    soft_susceptibility, load_susceptibility : array_like, shape (..., K, K)
        As for `balance_loss_jacobian`.

    Returns
    -------
    float or ndarray, shape (...)
        alpha = 2/(rho K lambda_max); inf where the product is 0.

    Raises
    ------
    ParameterError
        As for `balance_loss_jacobian`.

    References
    ----------
    Statement ``balance.safe_weight``; docs/theory.md, section 9.

    Examples
    --------
    >>> import numpy as np
    >>> from moecusp import largest_safe_loss_weight, susceptibility
    >>> chi = susceptibility(np.zeros((1, 8)))
    >>> round(float(largest_safe_loss_weight(0.5, chi, chi)), 12)  # 2 K/rho at inverse temperature 1
    32.0
    """
    _, _, rate, soft, load = _scores(0.0, 0.0, 1.0, loss_rate, soft_susceptibility, load_susceptibility)
    with np.errstate(all="ignore"):
        top = np.linalg.eigvalsh(_reduced(soft, load)[1])[..., -1]
        return np.where(top > 0.0, 2.0 / rate[..., 0, 0] / np.where(top > 0.0, top, 1.0), np.inf)[()]


def _reduced(soft: Array, load: Array) -> tuple[Array, Array]:
    """Return chi_load and chi_load^(1/2) chi_soft chi_load^(1/2) on the vectors of sum 0, in an orthonormal basis."""
    count = soft.shape[-1]
    # the reflection that takes (1, ..., 1)/sqrt K to the first unit vector: its other columns add up to 0
    w = np.full(count, 1.0 / np.sqrt(count))
    w[0] += 1.0
    basis = (np.eye(count) - 2.0 * np.outer(w, w) / (w @ w))[:, 1:]
    values, vectors = np.linalg.eigh(basis.T @ load @ basis)
    root = (vectors * np.sqrt(np.maximum(values, 0.0))[..., None, :]) @ vectors.swapaxes(-1, -2)
    product = root @ (basis.T @ soft @ basis) @ root
    return np.asarray(root @ root), np.asarray(0.5 * (product + product.swapaxes(-1, -2)))


def _scores(
    feedback: Any, decay: Any, loss_weight: Any, loss_rate: Any, soft_susceptibility: Any, load_susceptibility: Any
) -> tuple[Array, ...]:
    """Return kappa, mu, rho alpha K with two axes more, and the matrices; shapes broadcast."""
    kappa = constant("feedback", feedback, NON_NEGATIVE)
    mu = constant("decay", decay, NON_NEGATIVE)
    alpha = constant("loss_weight", loss_weight, NON_NEGATIVE)
    rho = constant("loss_rate", loss_rate, POSITIVE)
    soft = _response("soft_susceptibility", soft_susceptibility)
    load = _response("load_susceptibility", load_susceptibility)
    count = soft.shape[-1]
    if load.shape[-1] != count:
        raise ParameterError("load_susceptibility", load.shape, f"of {count} experts, as soft_susceptibility")
    shapes = [a.shape for a in (kappa, mu, alpha, rho)] + [m.shape[:-2] for m in (soft, load)]
    try:
        np.broadcast_shapes(*shapes)
    except ValueError as error:
        wanted = "of leading shapes that broadcast together"
        raise ParameterError("loss_rate and the other arguments", shapes, wanted) from error
    with np.errstate(all="ignore"):
        x = alpha * rho * count
    return kappa[..., None, None], mu[..., None, None], x[..., None, None], soft, load


def _response(name: str, value: Any) -> Array:
    m = matrix(name, value, Range())
    least = np.linalg.eigvalsh(m)[..., 0]
    if np.any(least < -1e-6 * np.abs(m).max((-2, -1))):
        raise ParameterError(name, value, "without a negative eigenvalue")
    return m
