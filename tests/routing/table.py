"""Writes docs/families.md: what is recorded of every family of transformers, beside the truth (`make families`)."""

import logging
import sys
import warnings

import torch
import transformers

from moecusp.routing import record
from tests.routing import families, truth

ALL = 10**6

HEAD = """# Families

Every mixture of experts of transformers {version}, and every class of experts in its modeling files, those of images
and speech too: a tiny random model of each, run once on {tokens} tokens. **Truth**: of all slots, those whose recorded
expert is the one whose weights change the slot's part of the output, when the experts are run again on what they were
called with. **Read from**: the call of the experts, or the output of a module with a reader. **Apart**: slots of no
real expert. **Grouped, batched**: whether the counts are the same with `grouped_mm` and `batched_mm`; – where the
family has no choice. Written by `make families`; tests run a share anew. Not here: `vitpose_backbone`, whose experts
are chosen by the data set and not by a router.

| family | model | read from | routers | k of E | scores | bias | apart | truth | grouped | batched |
|---|---|---|---|---|---|---|---|---|---|---|
"""


def run(model):
    """Return the trace of one call that keeps all tokens, and what each experts module was called with."""
    with truth.inputs(model) as kept, record(model, sample=ALL) as recorder, torch.no_grad():
        families.call(model)
    return recorder.trace(), kept


def row(family):
    """Return the cells of a family and whether they are as they should be."""
    model = families.needed(family)
    trace, kept = run(model)
    same, slots = truth.agreement(model, kept, trace)
    others = [other(model, name, trace) for name in ("grouped_mm", "batched_mm")]
    places = [model.get_submodule(record.site.name) for record in trace]
    read = sorted({type(place).__name__ for place in places})
    site = trace.records[0].site
    kinds = sorted({record.sample.kind or "–" for record in trace})
    apart = sorted({kind for record in trace for kind, count in record.unrouted.items() if count.any()})
    cells = [
        family,
        type(model).__name__,
        ", ".join(read),
        str(len(trace)),
        f"{site.k} of {site.experts}",
        ", ".join(kinds),
        "yes" if any(record.bias is not None for record in trace) else "–",
        ", ".join(apart) or "–",
        f"{same}/{slots}",
        *others,
    ]
    return cells, same == slots > 0 and "no" not in others


def other(model, implementation, trace):
    """Return whether another implementation of the experts gives the same counts."""
    if not type(model)._can_set_experts_implementation():
        return "–"
    before = model.config._experts_implementation
    model.set_experts_implementation(implementation)
    found, _ = run(model)
    model.set_experts_implementation(before)
    return "yes" if [r.counts.tolist() for r in found] == [r.counts.tolist() for r in trace] else "no"


def line(cells):
    """Return a row of the table."""
    return f"| {' | '.join(cells)} |\n"


def main():
    """Write the page; exit with 1 if a family cannot be built or is not recorded as it is."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)  # the models are tiny
    logging.disable(logging.WARNING)
    names, wrong, lines = families.families(), [], []
    for family in names:
        try:
            cells, right = row(family)
            lines.append(line(cells))
        except Exception as error:
            right, cells = False, [family, f"{type(error).__name__}: {error}"[:300]]
        if not right:
            wrong.append(family)
        print(" ".join(cells), flush=True)
    page = HEAD.format(version=transformers.__version__, tokens=families.tokens().numel()) + "".join(lines)
    fresh = families.PAGE.with_suffix(".new")
    fresh.write_text(page, encoding="utf-8")
    fresh.replace(families.PAGE)
    print(f"{len(names) - len(wrong)} of {len(names)} families are exact" + f"; not: {', '.join(wrong)}" * bool(wrong))
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
