"""Z6: whether tiers of experts come to differ in use, and three of them become two."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from moecusp.report import Finding, Table, cluster_bootstrap, judge
from validation.ecology.concordance import unknown
from validation.ecology.outcomes import Array, Runs
from validation.ecology.profiles import Profile
from validation.ecology.setup import tiers
from validation.intervals import over
from validation.streams import stream
from validation.training.deadness import tier_usage


def usage(profile: Profile, runs: Runs) -> Array:
    """Return each tier's share of slots over what its experts would have if all were equal, (models, tiers)."""
    share = runs.found["slots"][:, -1, 0].astype(np.float64)
    return np.asarray(tier_usage(share[runs.counted], tiers(profile, runs.kind)), dtype=np.float64)


def permuted(profile: Profile, runs: Runs) -> NDArray[np.float64]:
    """Return the usage with the experts' labels permuted at random, (permutations, models, tiers)."""
    share = runs.found["slots"][:, -1, 0].astype(np.float64)[runs.counted]
    rng = stream("ecology", "permutation", runs.kind, 0).numpy()
    drawn = rng.permuted(np.broadcast_to(share, (profile.tiers.permutations, *share.shape)), axis=-1)
    return np.asarray(tier_usage(drawn, tiers(profile, runs.kind)), dtype=np.float64)


def spread(values: Array, sizes: Array) -> Array:
    """Return the variance of usage between tiers, each weighted by its experts, of values (..., tiers)."""
    share = sizes / sizes.sum()
    mean = values @ share
    return np.asarray(((values - mean[..., None]) ** 2) @ share)


def beyond(profile: Profile, runs: Runs) -> Array:
    """Return, for every model, the variance between tiers less its mean over permuted labels."""
    sizes = np.array(tiers(profile, runs.kind).counts, dtype=np.float64)
    return np.asarray(spread(usage(profile, runs), sizes) - spread(permuted(profile, runs), sizes).mean(0))


def findings(profile: Profile, every: Sequence[Runs]) -> Iterator[Finding]:
    """Judge whether tiers differ in use beyond permuted labels: without that they are no functional tiers at all."""
    for runs in every:
        extra = beyond(profile, runs)
        widths = "unequal" if runs.kind.endswith("unequal") else "equal"
        layout = ":".join(map(str, tiers(profile, runs.kind).counts))
        yield judge(
            f"tiers.{layout.replace(':', '-')}.{widths}",
            f"Tiers {layout} of {widths} widths come to differ in use.",
            "variance of usage between tiers beyond that of permuted labels",
            over(extra, profile.confidence, "configurations"),
            profile.tiers.band,
        )
        if len(tiers(profile, runs.kind).counts) == 3:
            use, t = usage(profile, runs), profile.tiers
            source = stream("ecology", "bootstrap", runs.kind, 0).numpy()
            seen = (
                cluster_bootstrap(
                    use,
                    np.arange(len(use)),
                    closeness,
                    source=source,
                    unit="configurations",
                    confidence=profile.confidence,
                    resamples=t.resamples,
                )
                if len(use) > 2
                else unknown(profile.confidence, len(use))
            )
            yield judge(
                f"two_tiers.{layout.replace(':', '-')}.{widths}",
                f"Of three tiers {layout} of {widths} widths two come to be used alike.",
                "smallest difference in use between two tiers, of the use of a fair one",
                seen,
                t.two_band,
            )


def closeness(usage: Array) -> float:
    """Return the smallest difference of two tiers in mean usage, from usage (models, 3).

    Examples
    --------
    >>> import numpy as np
    >>> from validation.ecology.tiering import closeness
    >>> closeness(np.array([[0.5, 1.25, 1.5]]))
    0.25
    """
    return float(np.diff(np.sort(usage.mean(0))).min())


def table(profile: Profile, every: Sequence[Runs]) -> Table:
    """Tabulate the usage of every tier beside the range of permuted labels."""
    rows = []
    for runs in every:
        found, chance = usage(profile, runs).mean(0), permuted(profile, runs).mean(1)
        low, high = np.quantile(chance, [0.005, 0.995], axis=0)
        made = tiers(profile, runs.kind)
        rows += [
            (
                ":".join(map(str, made.counts)),
                str(n + 1),
                str(made.widths[n]),
                f"{found[n]:.2f}",
                f"{low[n]:.2f} to {high[n]:.2f}",
            )
            for n in range(len(made.counts))
        ]
    return Table(
        "tiers",
        "Use of tiers",
        ("tiers", "tier", "hidden units", "usage", "permuted labels"),
        tuple(rows),
        "Share of the slots over the share of the experts, mean over models; in the last column 99 % of its "
        "values with the labels permuted.",
    )
