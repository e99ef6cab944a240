"""Compiled steps of two experts on a tile of routers small enough for the first-level cache.

The state is x = -log2(e) y, so that the odds of expert 2 are 2^x: a token with word w chooses expert 1 where
(w + 1/2)(1 + 2^x) < 2^32. With one token a step that is all there is to compute; see `compiled_single`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from moecusp._numerics.traced import widest
from moecusp._simulation.compiled_scalar import aligned, binomial, exp2, kernel, uniform53
from moecusp._simulation.compiled_single import advance_single
from moecusp._simulation.compiled_words import fill
from moecusp._simulation.plan import MANTISSA

LOG2E = 1.0 / math.log(2.0)
_LN2 = math.log(2.0)
PADDING = 24
"""Keeps the rows of a tile from falling on the same cache lines."""
_LEAST = -1000.0  # 2^-1000 is less than any word resolves
_HALF_ROOT = math.sqrt(0.5)


@kernel
def advance(
    state: Any, sums: Any, reference: Any, passed: Any, coefficients: Any, offsets: Any, key: Any, shape: Any,
    share: float,
    start: int, stop: int, first: int, last: int, collecting: bool,
) -> None:  # fmt: skip
    """Take steps start..stop-1 of routers first..last-1, tile by tile.

    coefficients has rows keep, up, down, unit, noise, low, high; shape is (tile, tokens, tokenwise, one_word, plain,
    quick, hard, moments, passage) of ints; sums has rows hits, first, second, cross, last. plain stands for one token
    and no overflow, quick for what `compiled_single` wants. tile and first are multiples of LANES.
    """
    widest()
    tile, tokens, tokenwise, one_word, plain, quick, hard, moments, passage = shape
    k0, k1 = np.uint32(key[0]), np.uint32(key[1])
    integers, floats = aligned(5, tile // 2).view(np.uint32), aligned(5, tile + PADDING)
    words, hits = integers[:4], integers[4]
    x, keep, up, down, chance = (
        floats[0],
        floats[1],
        floats[2],
        floats[3],
        floats[4],
    )  # contiguous, unlike when unpacked
    count = np.empty(tile)
    scheduled = offsets.shape[1] > 0
    for base in range(first, last, tile):
        n = min(tile, last - base)
        integers[4], floats[:] = 0, 0.0
        for i in range(n):  # by hand: a slice, with its message of error, takes long to compile
            x[i], keep[i] = state[base + i], coefficients[0, base + i]
            up[i], down[i] = coefficients[1, base + i], coefficients[2, base + i]
        alone = plain and not (scheduled or moments or passage)
        if alone:
            advance_single(x, words, keep, up, down, hits, start, start, stop, base, n, k0, k1, quick)
        for step in range(stop if alone else start, stop):
            if scheduled:
                _move(up, down, coefficients, base, n, offsets[0, step - start], offsets[1, step - start])
            if plain:
                advance_single(x, words, keep, up, down, hits, start, step, step + 1, base, n, k0, k1, quick)
            else:
                if one_word and (step == start or step & 3 == 0):
                    fill(words, step >> 2, 0, base, n, k0, k1)
                _chances(chance, x, coefficients[4, base : base + n], hard, n)
                if not tokenwise:
                    fill(words, step, 0, base, n, k0, k1)
                    for i in range(n):
                        count[i] = binomial(float(tokens), chance[i], uniform53(words[0, i], words[1, i]))
                elif one_word:
                    count[:] = 0.0
                    _tally(count, words[step & 3], chance, n)
                else:
                    count[:] = 0.0
                    for token in range(tokens):
                        if token & 3 == 0:
                            fill(words, step, token >> 2, base, n, k0, k1)
                        _tally(count, words[token & 3], chance, n)
                for i in range(n):
                    x[i] = keep[i] * x[i] + (down[i] + (up[i] - down[i]) * (count[i] / tokens))
                if collecting:
                    for i in range(n):
                        sums[0, base + i] += count[i]
            if collecting and moments:
                gather(x, reference[base : base + n], sums[:, base : base + n])
            if passage:
                _pass(passed[base : base + n], x, coefficients, base, step + 1)
        for i in range(n):
            state[base + i] = x[i]
            sums[0, base + i] += hits[i] if collecting else 0


@kernel
def _move(up: Any, down: Any, coefficients: Any, base: int, n: int, feedback: float, asymmetry: float) -> None:
    for i in range(n):
        unit = coefficients[3, base + i]
        up[i] = coefficients[1, base + i] + unit * (asymmetry + feedback)
        down[i] = coefficients[2, base + i] + unit * (asymmetry - feedback)


@kernel
def _chances(chance: Any, x: Any, noise: Any, hard: bool, n: int) -> None:
    widest()
    if hard:
        for i in range(n):
            y = -_LN2 * x[i]
            if noise[i] > 0.0:
                chance[i] = 0.5 * math.erfc(-y / noise[i] * _HALF_ROOT)
            else:
                chance[i] = 1.0 if y >= 0.0 else 0.0
    else:
        for i in range(n):
            small = exp2(max(-abs(x[i]), _LEAST))
            chance[i] = (1.0 if x[i] <= 0.0 else small) / (1.0 + small)


@kernel
def _tally(count: Any, words: Any, chance: Any, n: int) -> None:
    for i in range(n):
        count[i] += 1.0 if np.float64(words[i]) + 0.5 < chance[i] * MANTISSA else 0.0


@kernel
def gather(x: Any, reference: Any, sums: Any) -> None:
    """Add one state to the sums of d, d^2 and d d_before; rows of sums as in `advance`."""
    for i in range(reference.size):
        d = x[i] - reference[i]
        sums[1, i] += d
        sums[2, i] += d * d
        sums[3, i] += d * sums[4, i]
        sums[4, i] = d


@kernel
def _pass(passed: Any, x: Any, coefficients: Any, base: int, step: int) -> None:
    for i in range(passed.size):
        outside = x[i] >= coefficients[5, base + i] or x[i] <= coefficients[6, base + i]  # x falls as y rises
        passed[i] = step if outside and passed[i] < 0 else passed[i]
