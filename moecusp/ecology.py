"""The E parameter and its mean-field competitor (docs/theory.md, section 8)."""

from __future__ import annotations

from typing import Any

from moecusp._arguments import NON_NEGATIVE, POSITIVE, ParameterError, reals
from moecusp._numerics.monomials import quotient, total


def ecology_parameter(temperature: Any, entropy_weight: Any, oracle_weight: Any, balance_weight: Any) -> Any:
    """The dimensionless group E = T H/(O + B), claimed to guarantee that no expert dies where E >= 0.5.

    Parameters
    ----------
    temperature : array_like
        Routing temperature T > 0.
    entropy_weight, oracle_weight, balance_weight : array_like
        Weights H, O, B >= 0 of the loss terms, O + B > 0. All four broadcast.

    Returns
    -------
    float or ndarray
        E, of the broadcast shape.

    Raises
    ------
    ParameterError
        If an argument is out of range, the shapes do not broadcast, or O + B = 0.

    Notes
    -----
    The claim is not a theorem, and the numbers published with it contain exceptions. Compare
    `mean_field_competitor`.

    References
    ----------
    Statement ``ecology.parameter``; docs/theory.md, section 8. Zhang, arXiv 2605.06415.

    Examples
    --------
    >>> from moecusp import ecology_parameter
    >>> ecology_parameter(temperature=2.0, entropy_weight=0.3, oracle_weight=0.5, balance_weight=0.7).round(9).item()
    0.5
    """
    (t, h, o, b), restore = reals(
        temperature=(temperature, POSITIVE),
        entropy_weight=(entropy_weight, NON_NEGATIVE),
        oracle_weight=(oracle_weight, NON_NEGATIVE),
        balance_weight=(balance_weight, NON_NEGATIVE),
    )
    if ((o == 0.0) & (b == 0.0)).any():
        raise ParameterError(
            "oracle_weight + balance_weight",
            0.0,
            "> 0: with neither an oracle nor a balance term nothing opposes the entropy term, and E is not defined",
        )
    return restore(quotient((t, h), total(o, b)))


def mean_field_competitor(entropy_weight: Any, oracle_weight: Any, balance_weight: Any) -> Any:
    """The group (H + B)/O that a mean-field argument puts in the place of E: decay over feedback.

    Near balance the entropy bonus and the balance term give the decay (H + B)/(K T^2), and a target tilted towards
    loaded experts gives a feedback proportional to O/T^2: the temperature cancels, and B helps instead of hurting.

    Parameters
    ----------
    entropy_weight, balance_weight : array_like
        Weights H, B >= 0.
    oracle_weight : array_like
        Weight O > 0. All three broadcast.

    Returns
    -------
    float or ndarray
        (H + B)/O, of the broadcast shape.

    Raises
    ------
    ParameterError
        If an argument is out of range, the shapes do not broadcast, or O = 0.

    Notes
    -----
    A conjecture for experiments to judge, not a theorem.

    References
    ----------
    Statement ``ecology.competitor``; docs/theory.md, section 8.

    Examples
    --------
    >>> from moecusp import mean_field_competitor
    >>> float(mean_field_competitor(entropy_weight=0.5, oracle_weight=2.0, balance_weight=1.5))
    1.0
    """
    (h, o, b), restore = reals(
        entropy_weight=(entropy_weight, NON_NEGATIVE),
        oracle_weight=(oracle_weight, NON_NEGATIVE),
        balance_weight=(balance_weight, NON_NEGATIVE),
    )
    if (o == 0.0).any():
        raise ParameterError("oracle_weight", 0.0, "> 0: without an oracle term there is no feedback to compare with")
    return restore(quotient(total(h, b), (o,)))
