"""The verified mathematics of load collapse in mixture-of-experts routers."""

from moecusp._arguments import ParameterError
from moecusp.boundary import (
    boundary_mass,
    boundary_remainder,
    boundary_slope,
    soft_hard_expansion,
    soft_hard_gap,
    soft_hard_remainder,
)
from moecusp.cusps import NormalForm, cusp_normal_form, cusp_set
from moecusp.dynamics import drift, potential, slope
from moecusp.equilibria import Equilibria, Regime, Stability, equilibria, regime
from moecusp.expert_states import ExpertEquilibria, expert_equilibria
from moecusp.experts import balanced_critical_gain, equal_depth_gain, expert_fold_curve, expert_fold_gain
from moecusp.folds import fold_asymmetry, fold_curve, fold_gain, fold_imbalance, hysteresis_width
from moecusp.parameters import RouterParameters, critical_feedback, gain, reduced_asymmetry
from moecusp.susceptibility import (
    HardSusceptibility,
    critical_feedback_from_logits,
    hard_susceptibility,
    susceptibility,
)

__version__ = "0.1.0"

__all__ = [
    "Equilibria",
    "ExpertEquilibria",
    "HardSusceptibility",
    "NormalForm",
    "ParameterError",
    "Regime",
    "RouterParameters",
    "Stability",
    "balanced_critical_gain",
    "boundary_mass",
    "boundary_remainder",
    "boundary_slope",
    "critical_feedback",
    "critical_feedback_from_logits",
    "cusp_normal_form",
    "cusp_set",
    "drift",
    "equal_depth_gain",
    "equilibria",
    "expert_equilibria",
    "expert_fold_curve",
    "expert_fold_gain",
    "fold_asymmetry",
    "fold_curve",
    "fold_gain",
    "fold_imbalance",
    "gain",
    "hard_susceptibility",
    "hysteresis_width",
    "potential",
    "reduced_asymmetry",
    "regime",
    "slope",
    "soft_hard_expansion",
    "soft_hard_gap",
    "soft_hard_remainder",
    "susceptibility",
]
