"""The verified mathematics of load collapse in mixture-of-experts routers."""

import importlib as _importlib

from moecusp._arguments import ParameterError
from moecusp.cusps import NormalForm, cusp_normal_form, cusp_set
from moecusp.dynamics import drift, potential, slope
from moecusp.equilibria import Equilibria, Regime, Stability, equilibria, equilibria_blocks, regime
from moecusp.folds import fold_asymmetry, fold_curve, fold_gain, fold_imbalance, hysteresis_width
from moecusp.parameters import RouterParameters, critical_feedback, gain, reduced_asymmetry
from moecusp.responses import EmpiricalResponse, HardGaussianResponse, LoadResponse, SoftmaxResponse

__version__ = "0.1.0"

__all__ = [
    "EmpiricalResponse",
    "Equilibria",
    "HardGaussianResponse",
    "LoadResponse",
    "NormalForm",
    "ParameterError",
    "Regime",
    "RouterParameters",
    "SoftmaxResponse",
    "Stability",
    "critical_feedback",
    "cusp_normal_form",
    "cusp_set",
    "drift",
    "equilibria",
    "equilibria_blocks",
    "fold_asymmetry",
    "fold_curve",
    "fold_gain",
    "fold_imbalance",
    "gain",
    "hysteresis_width",
    "potential",
    "reduced_asymmetry",
    "regime",
    "slope",
]

_LAZY = ("certify", "precise", "symbolic")


def __getattr__(name: str) -> object:
    """Import the modules with dependencies of their own when they are first asked for."""
    if name in _LAZY:
        return _importlib.import_module(f"moecusp.{name}")
    raise AttributeError(f"module 'moecusp' has no attribute {name!r}")
