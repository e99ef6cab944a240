"""Worst errors of every float function, region by region, against Arb (docs/accuracy.md)."""
