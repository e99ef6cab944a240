"""Benchmarks, run by name: ``python -m validation.benchmarks.simulate``."""
