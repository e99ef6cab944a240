"""The loss behind the derived rule, term by term, and its minimum over free routing probabilities by plain descent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, root

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Loss:
    """C classes, class c with target c, K experts; the counts f are those of k slots a token, held fixed."""

    entropy_weight: float
    oracle_weight: float
    balance_weight: float
    experts: int
    classes: int
    choices: int = 1

    @property
    def counts(self) -> Array:
        """Shares of the slots: the first of a token is its target's, the rest go round the others."""
        f = np.zeros(self.experts)
        idle = self.experts - self.classes
        for token in range(self.classes * idle):
            f[token % self.classes] += 1
            for later in range(self.choices - 1):
                f[self.classes + (token // self.classes + later) % idle] += 1
        return np.asarray(f / f.sum())

    def __call__(self, logits: Array) -> tuple[float, Array]:
        """Return the loss at logits (classes, experts), flat, and its gradient."""
        a = logits.reshape(self.classes, self.experts)
        a = a - a.max(axis=1, keepdims=True)
        logp = a - np.log(np.exp(a).sum(axis=1, keepdims=True))
        p = np.exp(logp)
        mean, f, k = np.maximum(p.mean(axis=0), 1e-300), self.counts, self.experts  # 0 log 0 = 0
        own = np.arange(self.classes)
        oracle = -logp[own, own].mean()
        balance = np.sum(mean * np.log(k * mean)) + k * np.sum((f - 1 / k) * mean)
        entropy = -np.sum(p * logp) / self.classes
        value = self.oracle_weight * oracle + self.balance_weight * balance - self.entropy_weight * entropy
        pull = self.balance_weight * (np.log(k * mean) + 1 + k * f) + self.entropy_weight * (logp + 1)
        gradient = p * (pull - np.sum(p * pull, axis=1, keepdims=True))
        missed = p.copy()
        missed[own, own] -= 1
        return float(value), ((gradient + self.oracle_weight * missed) / self.classes).ravel()


def minimum(loss: Loss, start: Any = None) -> Array:
    """Return the probabilities (classes, experts) at the end of a descent from some logits, 0 by default.

    The descent ends where the loss no longer changes in double precision; the gradient's zero beside it is found last.
    """
    x = np.zeros(loss.classes * loss.experts) if start is None else np.asarray(start, float).ravel()
    x = minimize(loss, x, jac=True, method="L-BFGS-B", options={"maxiter": 5000, "ftol": 0, "gtol": 1e-10}).x
    x = root(lambda at: loss(at)[1], x, method="lm", options={"xtol": 1e-14, "ftol": 1e-14}).x
    assert np.abs(loss(x)[1]).max() < 1e-14
    p = np.exp(x.reshape(loss.classes, loss.experts))
    return np.asarray(p / p.sum(axis=1, keepdims=True))
