"""Derivations, proofs and generated coefficients of moecusp."""
