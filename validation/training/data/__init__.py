"""Data sets where they lie and in the form that they have: `resolve` finds and reads, nothing is downloaded or run."""
