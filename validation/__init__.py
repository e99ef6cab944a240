"""Experiments that confront the theory with real routers and give verdicts."""
