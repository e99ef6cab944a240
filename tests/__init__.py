"""Tests, by subject; each may import anything."""
