"""The engine room: float64 kernels for arguments that public functions have checked; nothing here is public.

From the bottom: `series` (generated coefficients), `operations` (what NumPy, torch and numba spell apart), `double`
and `pairs` (twice the digits), `steps` (starting values and Halley steps of the equilibria) with their assembly in
`roots` and, compiled, in `fast`, `kernels` (scalar functions without cancellation), and what single subjects need.
"""
