"""The symbols of all studies: one table, begun by those of `moecusp.RouterParameters`."""

from __future__ import annotations

from dataclasses import dataclass

from moecusp import RouterParameters
from moecusp.report import Table


@dataclass(frozen=True)
class Quantity:
    """A quantity: its name in words, its symbol where it has one, and its unit ("" for a pure number)."""

    name: str
    symbol: str = ""
    unit: str = ""

    @property
    def label(self) -> str:
        """Name and symbol."""
        return f"{self.name} {self.symbol}".strip()


def _of_the_router() -> dict[str, Quantity]:
    fields = RouterParameters.__dataclass_fields__
    found = {}
    for name, each in fields.items():
        unit = each.metadata["unit"]
        found[name] = Quantity(name.replace("_", " "), each.metadata["symbol"], "" if unit == "–" else unit)
    return found


QUANTITIES: dict[str, Quantity] = {
    **_of_the_router(),
    "increment": Quantity("increment", "ε", "time"),
    "batch_size": Quantity("batch size", "B", "tokens"),
    "critical_feedback": Quantity("critical feedback", "κ_c = μ/G′(0)", "score/time"),
    "fold": Quantity("asymmetry of a fold", "h_f", "score/time"),
    "difference": Quantity("score difference", "z = s₁ − s₂", "score"),
    "imbalance": Quantity("imbalance of the load", "m = p₁ − p₂"),
    "response": Quantity("load response", "G, m = G(z)"),
    "rate": Quantity("rate of the asymmetry", "ρ", "score/time²"),
    "gain": Quantity("gain", "g"),
    "reduced_asymmetry": Quantity("reduced asymmetry", "η"),
    "reduced_difference": Quantity("reduced score difference", "u = βz/2"),
    "step": Quantity("step", "δ = με"),
    "time": Quantity("time", "", "1/μ"),
    "start": Quantity("start", "u(0)"),
    "collapsed_start": Quantity("collapsed starts", "|z|", "score"),
    "kick": Quantity("kick", "z", "score"),
    "selection": Quantity("selection"),
    "tokens": Quantity("tokens recorded"),
    "spread": Quantity("margin standard deviation", "", "score"),
    "margin_jitter": Quantity("margin jitter", "", "score"),
    "pixel_jitter": Quantity("pixel jitter", "", "pixel range"),
    "seeds": Quantity("seeds"),
    "routers": Quantity("routers"),
    "routers_per_seed": Quantity("routers per seed"),
    "gains": Quantity("gains", "g"),
    "fold_shares": Quantity("asymmetries", "", "of the fold's"),
    "batches_per_update": Quantity("batches per gradient step"),
    "width": Quantity("width", "w", "score"),
    "temperature": Quantity("temperature", "T = 1/β", "score"),
    "temperatures": Quantity("temperatures", "T", "score"),
    "margin": Quantity("margin function", "ψ", "score"),
    "threshold": Quantity("teacher's threshold", "b*", "score"),
    "curvature": Quantity("curvature of the interface", "k", "1/score"),
    "bandwidth": Quantity("bandwidth of the density", "", "standard deviations"),
    "tokens_per_seed": Quantity("tokens per seed"),
    "hidden": Quantity("hidden units"),
    "learning_rate": Quantity("learning rate"),
    "momentum": Quantity("momentum"),
    "susceptibility": Quantity("susceptibility", "χ", "1/score"),
    "update_rate": Quantity("update rate", "r", "score"),
    "bias_step": Quantity("step of the sign rule", "u", "score"),
    "loss_weight": Quantity("weight of the balance loss", "α"),
    "loss_rate": Quantity("rate of the balance loss", "ρ", "score²/time"),
    "sweep_increment": Quantity("sweep's increment", "ε", "time"),
    "sweep_batch_size": Quantity("sweep's batch size", "B", "tokens"),
    "temperature_of_routing": Quantity("temperature of routing", "T"),
    "entropy_weight": Quantity("weight of the entropy", "H"),
    "oracle_weight": Quantity("weight of the oracle", "O"),
    "balance_weight": Quantity("weight of the balance loss", "B"),
    "ecology": Quantity("ecology parameter", "E = T H/(O + B)"),
    "idle_share": Quantity("mean probability of an expert that is nobody's target", "r"),
    "classes": Quantity("classes", "C"),
    "steps": Quantity("steps of training"),
    "tokens_a_batch": Quantity("tokens a batch"),
    "chosen": Quantity("experts a token goes to", "k"),
    "models": Quantity("models"),
}
"""By key: of a field of RouterParameters, or as captions and tables of symbols ask for it."""


def table(*keys: str) -> Table:
    """Return the table of symbols for a page."""
    rows = tuple((q.symbol, q.name, q.unit or "–") for q in (QUANTITIES[key] for key in keys))
    return Table("symbols", "Symbols", ("symbol", "name", "unit"), rows)
