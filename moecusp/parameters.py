"""A router's parameters with their units, and their reduced forms (docs/theory.md, sections 1 and 2)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from moecusp._arguments import POSITIVE, REAL, ParameterError, Range, Reducible, count, real, reals
from moecusp._numerics.gradients import checked
from moecusp._numerics.monomials import quotient
from moecusp._numerics.operations import is_tensor, namespace, where
from moecusp.equilibria import Equilibria, equilibria, regime
from moecusp.folds import fold_asymmetry
from moecusp.reduced import critical_feedback, gain, reduced_asymmetry


@dataclass(frozen=True, eq=False)
class RouterParameters(Reducible):
    """Parameters of the discrete rule s_i <- s_i + eps (kappa 1[i = I] - mu s_i + h_i), validated and frozen.

    Parameters
    ----------
    feedback : array_like
        Feedback kappa > 0 (score/time): what the selected expert gains.
    decay : array_like
        Decay rate mu > 0 (1/time).
    inverse_temperature : array_like
        Inverse temperature beta > 0 (1/score): sharpness of the softmax.
    asymmetry : array_like
        Drive h (score/time) of expert 1 over the others; for two experts h1 - h2. Any real. Not the reduced asymmetry
        eta = beta h/(2 mu) that functions of (gain, asymmetry) take: those accept the router itself, and
        `RouterParameters.reduced` makes one from reduced values.
    experts : int
        Number of experts K >= 2.

    Raises
    ------
    ParameterError
        If an argument is out of range or the shapes do not broadcast.

    Notes
    -----
    The four quantities broadcast: arrays describe many routers at once, and every property has their common shape.

    References
    ----------
    docs/theory.md, sections 1 and 2.

    Examples
    --------
    >>> from moecusp import RouterParameters
    >>> router = RouterParameters(feedback=3.0, decay=1.0, inverse_temperature=1.0)
    >>> float(router.gain), float(router.critical_feedback), router.regime().name
    (1.5, 2.0, 'BISTABLE')
    """

    feedback: Any = field(metadata={"symbol": "κ", "unit": "score/time", "range": POSITIVE})
    decay: Any = field(default=1.0, metadata={"symbol": "μ", "unit": "1/time", "range": POSITIVE})
    inverse_temperature: Any = field(default=1.0, metadata={"symbol": "β", "unit": "1/score", "range": POSITIVE})
    asymmetry: Any = field(default=0.0, metadata={"symbol": "h", "unit": "score/time", "range": REAL})
    experts: int = field(default=2, metadata={"symbol": "K", "unit": "–"})

    def __post_init__(self) -> None:
        """Check every field, and freeze private copies of arrays."""
        object.__setattr__(self, "experts", count("experts", self.experts, 2))
        checked = {name: (getattr(self, name), meta["range"]) for name, meta in self._quantities().items()}
        reals(**checked)  # the shapes must broadcast together
        for name, (value, allowed) in checked.items():
            array = real(name, value, allowed)
            if is_tensor(array):
                array = value  # as it came, with its gradient
            elif array.ndim == 0:
                array = float(array)
            else:
                array.flags.writeable = False
            object.__setattr__(self, name, array)

    @classmethod
    def reduced(cls, gain: Any, asymmetry: Any = 0.0, experts: int = 2) -> RouterParameters:
        """Return a router of given reduced values, with decay 1 and inverse temperature 1.

        Parameters
        ----------
        gain : array_like
            Gain g > 0 (dimensionless; 1 is critical). The feedback is K g.
        asymmetry : array_like
            Reduced asymmetry (dimensionless), any real: eta = beta h/(2 mu) for two experts, so that the drive h of the
            router, its own `asymmetry`, is 2 eta; beta h/mu for more, as in `expert_fold_curve`.
        experts : int
            Number of experts K >= 2.

        Raises
        ------
        ParameterError
            If an argument is out of range, the shapes do not broadcast, or feedback or drive exceed a float.

        Examples
        --------
        >>> from moecusp import RouterParameters
        >>> router = RouterParameters.reduced(gain=1.5, asymmetry=0.1)
        >>> float(router.feedback), float(router.asymmetry), float(router.gain), float(router.reduced_asymmetry)
        (3.0, 0.2, 1.5, 0.1)
        """
        k = count("experts", experts, 2)
        drive = 2.0 if k == 2 else 1.0
        most = np.finfo(np.float64).max
        reals(gain=(gain, POSITIVE), asymmetry=(asymmetry, REAL))
        g = real("gain", gain, replace(POSITIVE, high=most / k))
        eta = real("asymmetry", asymmetry, Range(low=-most / drive, high=most / drive))
        return cls(k * g, asymmetry=drive * eta, experts=k)

    @classmethod
    def _quantities(cls) -> dict[str, Any]:
        return {n: f.metadata for n, f in cls.__dataclass_fields__.items() if "range" in f.metadata}

    def _values(self) -> tuple[Any, ...]:
        return (*(getattr(self, name) for name in self._quantities()), self.experts)

    def _plain(self) -> list[Any]:
        plain = (v.detach().double().cpu() if is_tensor(v) else v for v in self._values())
        return [np.asarray(v, dtype=float) + 0.0 for v in plain]

    def __reduce__(self) -> tuple[Any, ...]:
        """Build it anew where it is pickled or copied, so that the copy is checked and frozen too."""
        return type(self), self._values()

    def __eq__(self, other: object) -> bool:
        """Compare every field, arrays by shape and value."""
        if not isinstance(other, RouterParameters):
            return NotImplemented
        return all(np.array_equal(a, b) for a, b in zip(self._plain(), other._plain(), strict=True))

    def __hash__(self) -> int:
        """Agree with equality."""
        return hash(tuple((v.shape, v.tobytes()) for v in self._plain()))

    @property
    def shape(self) -> tuple[int, ...]:
        """Common shape of the quantities: () for one router."""
        return np.broadcast_shapes(*(np.shape(v) for v in self._values()))

    @property
    def gain(self) -> Any:
        """Gain g = kappa beta/(K mu); 1 is critical."""
        return gain(self.feedback, self.decay, self.inverse_temperature, self.experts)

    @property
    def critical_feedback(self) -> Any:
        """Critical feedback kappa_c = K mu/beta (score/time)."""
        return critical_feedback(self.decay, self.inverse_temperature, self.experts)

    @property
    def reduced_asymmetry(self) -> Any:
        """Reduced asymmetry eta = beta h/(2 mu) of two experts."""
        self._two("reduced_asymmetry")
        return reduced_asymmetry(self.asymmetry, self.decay, self.inverse_temperature)

    def regime(self) -> Any:
        """Return the regime of each router; see `moecusp.regime`. Two experts only."""
        return regime(self)

    def equilibria(self) -> Equilibria:
        """Return the equilibria of each router; see `moecusp.equilibria`. Two experts only."""
        return equilibria(self)

    def folds(self) -> Any:
        """Return the asymmetry h_f >= 0 (score/time) at whose two signs the load jumps; NaN where g < 1.

        Above g = 2^60 it is the feedback, to the last digit.
        """
        self._two("folds")
        g = self.gain
        below = where(g < 2.0**60, g, 1.0)
        inside = quotient((fold_asymmetry(below), 2.0, self.decay), (self.inverse_temperature,))
        one = 0.0 * below + 1.0  # in the common type, whatever each parameter is
        return where(g < 2.0**60, inside, quotient((self.feedback, one), (one,)))[()]

    def reduced_values(self, what: str) -> tuple[Any, Any]:
        """Return the gain and the reduced asymmetry for a function of two experts by name.

        Raises ParameterError for what makes them too large for a float.
        """
        self._two(what)
        self._bounded(self.gain, "feedback*inverse_temperature/(2*decay)", "feedback")
        self._bounded(self.reduced_asymmetry, "inverse_temperature*asymmetry/(2*decay)", "asymmetry")
        return self.gain, self.reduced_asymmetry

    def _bounded(self, result: Any, formula: str, first: str) -> None:
        """Refuse a result beyond the range of a float by the name of the factor that is furthest from 1."""
        if not is_tensor(result) and np.isfinite(result).all():
            return
        names = [first, "inverse_temperature", "decay"]
        (value, *factors), _ = reals(
            result=(where(abs(result) < np.inf, 1.0, 0.0), REAL), **{n: (getattr(self, n), REAL) for n in names}
        )

        def check(found: Any) -> None:
            rows = found.reshape(-1, 4)
            wrong = rows[rows[:, 0] == 0.0]
            if len(wrong):
                above, beta, mu = wrong[0, 1:].tolist()
                sizes = abs(above), beta, 1.0 / max(mu, 1e-308)
                worst = sizes.index(max(sizes))
                side = "large" if worst == 2 else "small"
                raise ParameterError(names[worst], (above, beta, mu)[worst], f"so {side} that {formula} is a float")

        checked(check, namespace(value).stack([value, *factors], -1))

    def _two(self, what: str) -> None:
        if self.experts != 2:
            raise ParameterError("experts", self.experts, f"2 for {what}, whose theory is that of two experts")
