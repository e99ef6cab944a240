"""The study `soft-hard`: boundary mass, and what is left of hard routing's landscape by a soft router near it."""
