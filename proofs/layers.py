"""All proofs of all layers, registered by importing the modules that hold them."""

from proofs import (  # noqa: F401
    boundary,
    constants,
    cusps,
    decision,
    dynamics,
    ecology,
    enclosure,
    equilibria,
    experts,
    floats,
    folds,
    noise,
    responses,
    susceptibility,
)
from proofs.statements import STATEMENTS
from proofs.steps import PROOFS


def unclaimed() -> list[str]:
    """Return proofs that no statement claims."""
    return [
        f"the {layer} proof of {name} belongs to no statement that claims it"
        for name, layer in PROOFS
        if name not in STATEMENTS or layer not in STATEMENTS[name].layers
    ]
