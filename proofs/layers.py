"""All proofs of all layers, registered by importing the modules that hold them."""

from collections.abc import Iterable, Mapping

from proofs import (  # noqa: F401
    balance,
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
    interfaces,
    landscape,
    noise,
    responses,
    susceptibility,
)
from proofs.statements import STATEMENTS, Statement
from proofs.steps import PROOFS


def unclaimed(
    proofs: Iterable[tuple[str, str]] = PROOFS, statements: Mapping[str, Statement] = STATEMENTS
) -> list[str]:
    """Return proofs, each a statement and a layer, that no statement claims."""
    return [
        f"the {layer} proof of {name} belongs to no statement that claims it"
        for name, layer in proofs
        if name not in statements or layer not in statements[name].layers
    ]
