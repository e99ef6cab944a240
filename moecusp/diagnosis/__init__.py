"""What a trace says of a model: how near each layer is to collapse, and what cannot be told. NumPy only, no torch."""

from moecusp.diagnosis.advice import Advice, Aim, advise
from moecusp.diagnosis.compare import (
    Comparison,
    compare,
    comparison_html,
    comparison_json,
    comparison_table,
)
from moecusp.diagnosis.content import as_json, schema
from moecusp.diagnosis.definitions import DEFINITIONS, Definition
from moecusp.diagnosis.early_warning import EarlyWarning, early_warning
from moecusp.diagnosis.estimates import Estimate, Identification
from moecusp.diagnosis.floor import sampling_floor
from moecusp.diagnosis.layers import LayerDiagnosis, Standing
from moecusp.diagnosis.page import html, markdown
from moecusp.diagnosis.quantities import CONFIDENCE, Quantity
from moecusp.diagnosis.snapshot import Diagnosis, diagnose
from moecusp.diagnosis.trajectory import Trajectory, estimate_trajectory

__all__ = [
    "CONFIDENCE",
    "DEFINITIONS",
    "Advice",
    "Aim",
    "Comparison",
    "Definition",
    "Diagnosis",
    "EarlyWarning",
    "Estimate",
    "Identification",
    "LayerDiagnosis",
    "Quantity",
    "Standing",
    "Trajectory",
    "advise",
    "as_json",
    "compare",
    "comparison_html",
    "comparison_json",
    "comparison_table",
    "diagnose",
    "early_warning",
    "estimate_trajectory",
    "html",
    "markdown",
    "sampling_floor",
    "schema",
]
