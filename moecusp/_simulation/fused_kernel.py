"""The Triton kernel of `fused`: one thread a router, all of its scores in registers."""

import triton
import triton.language as tl


@triton.jit
def advance(
    state, hits, coefficients, offsets, seed, routers, start, stop,
    EXPERTS: tl.constexpr, SCHEDULED: tl.constexpr, COLLECTING: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Take steps start..stop-1 of BLOCK routers; scores are kept times log2(e), rows as in `plan`."""
    rows: tl.constexpr = 1 if EXPERTS == 2 else EXPERTS
    router = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    inside = router < routers
    keep = tl.load(coefficients + router, inside, 0.0)
    kick = tl.load(coefficients + routers + router, inside, 0.0)
    drive = tl.load(coefficients + 2 * routers + router, inside, 0.0)
    unit = tl.load(coefficients + 3 * routers + router, inside, 0.0)
    scores = ()
    counts = ()
    for row in tl.static_range(rows):
        scores += (tl.load(state + row * routers + router, inside, 0.0),)
        counts += (tl.zeros((BLOCK,), tl.int32),)
    low = router.to(tl.uint32)
    high = (router >> 32).to(tl.uint32)
    for number in range(start // 4, (stop + 3) // 4):
        words = tl.philox(seed, low * 0 + number, low * 0, low, high)
        for lane in tl.static_range(4):
            step = number * 4 + lane
            if (step >= start) & (step < stop):
                k, h = kick, drive
                if SCHEDULED:
                    k += unit * tl.load(offsets + step - start)
                    h += unit * tl.load(offsets + (stop - start) + step - start)
                share = (words[lane].to(keep.dtype) + 0.5) * (1.0 / 4294967296.0)
                moved = ()
                tally = ()
                if EXPERTS == 2:
                    chosen = share * (1.0 + tl.exp2(-scores[0])) < 1.0
                    moved += (keep * scores[0] + (h + tl.where(chosen, k, -k)),)
                    tally += (counts[0] + chosen.to(tl.int32),)
                else:
                    top = scores[0]
                    for row in tl.static_range(1, rows):
                        top = tl.maximum(top, scores[row])
                    total = tl.zeros((BLOCK,), keep.dtype)
                    weights = ()
                    for row in tl.static_range(rows):
                        total += tl.exp2(scores[row] - top)
                        weights += (total,)
                    level = share * total
                    before = total > -1.0  # whether no earlier expert was chosen
                    for row in tl.static_range(rows):
                        beyond = weights[row] > level if row < rows - 1 else before | True
                        chosen = before & beyond
                        before = before & (weights[row] <= level)
                        moved += (keep * scores[row] + tl.where(chosen, k, 0.0) + (h if row == 0 else 0.0),)
                        tally += (counts[row] + chosen.to(tl.int32),)
                scores = moved
                if COLLECTING:
                    counts = tally
    for row in tl.static_range(rows):
        tl.store(state + row * routers + router, scores[row], inside)
        if COLLECTING:
            at = hits + row * routers + router
            tl.store(at, tl.load(at, inside, 0) + counts[row], inside)
