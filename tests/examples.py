"""How many examples a property test takes, in proportion to the profile."""

from __future__ import annotations

from hypothesis import settings

USUAL = 200  # of the profile ci


def examples(count: int) -> settings:
    """Return the settings of a test that takes this many examples at the profile ci, and in proportion at others."""
    assert settings.default is not None
    return settings(max_examples=max(2, count * settings.default.max_examples // USUAL))
