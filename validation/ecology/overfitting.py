"""Z5: whether the gap between training and test accuracy is decoupled from dead experts."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from moecusp.report import Finding, cluster_bootstrap, judge
from validation.ecology.concordance import unknown
from validation.ecology.outcomes import HEADLINE, Array, Runs
from validation.ecology.profiles import Profile
from validation.streams import stream


def gap(runs: Runs) -> Array:
    """Return training less test accuracy at the end."""
    return np.asarray(runs.found["train_accuracy"][:, -1].astype(np.float64) - runs.found["accuracy"][:, -1])


def correlation(samples: Array) -> float:
    """Return the rank correlation of the first two columns, the others' ranks regressed out; 0 if one is constant.

    Examples
    --------
    >>> import numpy as np
    >>> from validation.ecology.overfitting import correlation
    >>> correlation(np.array([[1.0, 1.0], [2.0, 8.0], [3.0, 27.0]]))
    1.0
    """
    from scipy.stats import rankdata

    ranks = rankdata(samples, axis=0)
    ranks -= ranks.mean(0)
    pair, others = ranks[:, :2], ranks[:, 2:]
    if others.shape[1]:
        pair = pair - others @ np.linalg.lstsq(others, pair, rcond=None)[0]
    x, y = pair.T
    scale = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / scale if scale > 1e-9 * len(ranks) ** 3 else 0.0


def findings(profile: Profile, digits: Runs) -> Iterator[Finding]:
    """Judge the rank correlation by every definition, plain, and with the four weights regressed out."""
    o = profile.overfitting
    runs = digits.where(digits.within("sobol", "held_out"))
    for name in HEADLINE:
        pair = np.column_stack([gap(runs), runs.dead(name)])
        for kind, columns in (("plain", pair), ("partial", np.column_stack([pair, np.log(runs.columns["weights"])]))):
            source = stream("ecology", "bootstrap", f"gap.{name}.{kind}", 0).numpy()
            seen = (
                cluster_bootstrap(
                    columns,
                    runs.columns["config"],
                    correlation,
                    source=source,
                    confidence=o.confidence,
                    resamples=o.resamples,
                    unit="configurations",
                )
                if len(runs) > 3 and np.ptp(pair[:, 1]) > 0
                else unknown(o.confidence, len(runs))
            )
            apart = ", the ranks of the four weights regressed out" if kind == "partial" else ""
            yield judge(
                f"gap.{kind}.{name}",
                f"Overfitting has nothing to do with dead experts ({name}){apart}.",
                "rank correlation of the accuracy gap with dead experts",
                seen,
                o.band,
            )
