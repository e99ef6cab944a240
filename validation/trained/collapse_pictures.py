"""What was said of runs that collapse or do not: pictures and a table."""

from __future__ import annotations

import numpy as np

from moecusp.report import Table
from moecusp.report.figures import BLUE, GREEN, INK, ORANGE, RED, canvas, legend, style
from validation.captions import fixed
from validation.studies import Measured, Picture, Plan
from validation.trained.collapse_calls import called, collapsed
from validation.trained.collapse_runs import kinds
from validation.trained.profiles import Profile


def pictures(profile: Profile, plan: Plan, measured: Measured) -> tuple[Picture, ...]:
    """Draw estimated gains and the largest loads along the runs."""
    p, warm = profile.collapse, profile.warm
    with style():
        figure, single = canvas(height=6.4)
        single.remove()
        above, below = figure.subplots(2, sharex=True)
        for kind, colour in (("driven", RED), ("raised", ORANGE), ("steady", BLUE), ("loss", GREEN)):
            seen = measured[f"collapse/{kind}"]
            steps = np.arange(1, len(seen["gain"]) + 1) * p.every
            for run in range(min(seen["gain"].shape[2], 6)):
                for axes, what in ((above, "gain"), (below, "largest")):
                    axes.plot(steps, seen[what][:, :, run].max(axis=1), color=colour, lw=0.9, alpha=0.8,
                              label=kind if run == 0 and axes is above else None)  # fmt: skip
        above.axhline(p.level, color=INK, lw=1, ls=":")
        above.set(ylabel="gain, estimated", ylim=(0.0, 2.5))
        below.axhline(p.collapsed, color=INK, lw=1, ls=":")
        below.set(xlabel="step", ylabel="largest load of a report")
        legend(figure)
    caption = (
        "Gain estimated from what the monitor had recorded, and the largest load, along up to six runs of a kind; of "
        f"two layers the larger. Dotted: the level at which a run is called, {p.level:g}, and the load at which it has "
        "collapsed. "
        + fixed(p, {"decay": "decay", "increment": "increment", "learning_rate": "learning_rate"},
                experts=warm.make.experts, batch_size=warm.windows * warm.make.context)
    )  # fmt: skip
    return (Picture("collapse", "A collapse, called before it happens", figure, caption),)


def tables(profile: Profile, plan: Plan, measured: Measured) -> tuple[Table, ...]:
    """Return the table of runs by kind."""
    p, rows = profile.collapse, []
    for kind, runs in kinds(p).items():
        seen = measured[f"collapse/{kind}"]
        reports = len(seen["largest"])
        call, fell = called(p, seen), collapsed(p, seen)
        both = (call < reports) & (fell < reports)
        lead = f"{p.every * (fell - call)[both].mean():.0f}" if both.any() else "–"
        known = seen["gain"][-1][~np.isnan(seen["gain"][-1])]
        told = seen["warning"][~np.isnan(seen["warning"])]
        rows.append((kind, str(runs), f"{int((call < reports).sum())}", f"{int((fell < reports).sum())}", lead,
                     f"{known.mean():.2f}" if known.size else "not identifiable",
                     f"{np.mean(told <= 0.05):.2f}" if told.size else "–"))  # fmt: skip
    columns = ("runs", "number", "called", "collapsed", "steps from call to collapse", "gain at the end, mean",
               "early warning at 5 %, share of layers")  # fmt: skip
    return (Table("collapse", "Runs called and runs collapsed", columns, tuple(rows)),)
