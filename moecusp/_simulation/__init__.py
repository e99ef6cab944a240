"""The machinery behind `moecusp.simulate`: one rule, one stream of random numbers, several backends.

``plan`` holds a checked request in dimensionless form; ``philox`` and ``binomial`` draw on arrays; ``arrays`` (NumPy,
torch), ``compiled`` (numba) and ``fused`` (Triton) run the rule; ``schedules`` and ``statistics`` serve all of them.
"""
