"""The formal layer: theorems in Coq, and what checks them."""
