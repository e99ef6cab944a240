"""Timings of the library beside the usual tools; printed, never asserted."""
