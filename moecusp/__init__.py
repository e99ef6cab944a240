"""The verified mathematics of load collapse in mixture-of-experts routers."""

from moecusp._arguments import ParameterError
from moecusp.cusps import NormalForm, cusp_normal_form, cusp_set
from moecusp.dynamics import drift, potential, slope
from moecusp.equilibria import Equilibria, Regime, Stability, equilibria, regime
from moecusp.folds import fold_asymmetry, fold_curve, fold_gain, fold_imbalance, hysteresis_width
from moecusp.parameters import RouterParameters, critical_feedback, gain, reduced_asymmetry
from moecusp.responses import EmpiricalResponse, HardGaussianResponse, LoadResponse, SoftmaxResponse
from moecusp.simulate import Simulation, simulate

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
    "Simulation",
    "SoftmaxResponse",
    "Stability",
    "critical_feedback",
    "cusp_normal_form",
    "cusp_set",
    "drift",
    "equilibria",
    "fold_asymmetry",
    "fold_curve",
    "fold_gain",
    "fold_imbalance",
    "gain",
    "hysteresis_width",
    "potential",
    "reduced_asymmetry",
    "regime",
    "simulate",
    "slope",
]
