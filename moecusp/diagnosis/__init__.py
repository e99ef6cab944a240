"""What a trace says of a model: how near each layer is to collapse, and what cannot be told. NumPy only, no torch."""

from moecusp.diagnosis.early_warning import EarlyWarning, early_warning
from moecusp.diagnosis.estimates import Estimate, Identification
from moecusp.diagnosis.quantities import CONFIDENCE, Quantity
from moecusp.diagnosis.trajectory import Trajectory, estimate_trajectory

__all__ = [
    "CONFIDENCE", "EarlyWarning", "Estimate", "Identification", "Quantity", "Trajectory", "early_warning",
    "estimate_trajectory",
]  # fmt: skip
