"""What a trace says of a model: how near each layer is to collapse, and what cannot be told. NumPy only, no torch."""

from moecusp.diagnosis.quantities import CONFIDENCE, Quantity

__all__ = ["CONFIDENCE", "Quantity"]
