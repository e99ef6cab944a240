"""The experiments: runs of `moecusp.simulate`, and beside them what the transfer operator says without any chance.

Parts have their size in steps of a router.
"""

from __future__ import annotations

from collections.abc import Sequence

from validation.mean_field.measure import collapse, noise, paths
from validation.mean_field.profiles import Profile
from validation.studies import Part, Plan


def parts(profile: Profile, plan: Plan) -> Sequence[Part]:
    """Return the parts, one for each case of each experiment."""
    return [
        *paths.parts(profile.paths, plan),
        *paths.attractor_parts(profile.attractors, plan),
        *noise.escape_parts(profile.escapes, plan),
        *noise.warning_parts(profile.warnings, plan),
        *noise.ramp_parts(profile.ramps, plan),
        *collapse.parts(profile.collapse, plan),
    ]
