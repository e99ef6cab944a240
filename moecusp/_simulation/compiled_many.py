"""Compiled steps of more than two experts on a tile of routers; state rows are v_i log2(e)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from moecusp._simulation.compiled_scalar import binomial, exp2, kernel, uniform53
from moecusp._simulation.compiled_two import gather
from moecusp._simulation.compiled_words import fill
from moecusp._simulation.plan import MANTISSA


@kernel
def advance(
    state: Any, sums: Any, reference: Any, coefficients: Any, offsets: Any, key: Any, shape: Any,
    share: float,
    start: int, stop: int, first: int, last: int, collecting: bool,
) -> None:  # fmt: skip
    """Take steps start..stop-1 of routers first..last-1, tile by tile.

    coefficients has rows keep, kick, drive, unit, noise; shape is (tile, tokens, tokenwise, one_word, bounded, hard,
    moments, token_words) of ints; sums has shape (5, experts, routers), as in `compiled_two.advance`.
    """
    tile, tokens, tokenwise, one_word, bounded, hard, moments, token_words = shape
    k0, k1 = np.uint32(key[0]), np.uint32(key[1])
    experts = state.shape[0]
    words = np.empty((4, tile), np.uint32)
    v, cumulated = np.empty((experts, tile)), np.empty((experts, tile))
    kick, drive = np.empty(tile), np.empty(tile)
    chosen, best = np.empty(tile, np.int64), np.empty(tile)
    scheduled = offsets.shape[1] > 0
    for base in range(first, last, tile):
        n = min(tile, last - base)
        keep, unit = coefficients[0, base : base + n], coefficients[3, base : base + n]
        noise = coefficients[4, base : base + n]
        for expert in range(experts):
            for i in range(n):
                v[expert, i] = state[expert, base + i]
        for i in range(n):
            kick[i], drive[i] = coefficients[1, base + i], coefficients[2, base + i]
        for step in range(start, stop):
            if scheduled:
                for i in range(n):
                    kick[i] = coefficients[1, base + i] + unit[i] * offsets[0, step - start]
                    drive[i] = coefficients[2, base + i] + unit[i] * offsets[1, step - start]
            if one_word and (step == start or step & 3 == 0):
                fill(words, step >> 2, 0, base, n, k0, k1)
            if hard:
                for expert in range(experts):
                    for i in range(n):
                        cumulated[expert, i] = v[expert, i]  # all tokens see the scores before the step
                        v[expert, i] = keep[i] * v[expert, i]
                for token in range(tokens):
                    _noisy(chosen, best, cumulated, noise, words, step, token * token_words // 4, base, n, k0, k1)
                    _reward(v, chosen, kick, sums, base, n, tokens, collecting)
            else:
                if bounded:
                    _cumulate(v, cumulated, keep, n)
                else:
                    _cumulate_far(v, cumulated, keep, n)
                if not tokenwise:
                    _multinomial(v, cumulated, kick, sums, words, step, tokens, base, n, k0, k1, collecting)
                else:
                    for token in range(tokens):
                        if not one_word and token & 3 == 0:
                            fill(words, step, token >> 2, base, n, k0, k1)
                        _search(chosen, best, cumulated, words[step & 3 if one_word else token & 3], n)
                        _reward(v, chosen, kick, sums, base, n, tokens, collecting)
            for i in range(n):
                v[0, i] += drive[i]
            if collecting and moments:
                for expert in range(experts):
                    gather(v[expert, :n], reference[expert, base : base + n], sums[:, expert, base : base + n])
        for expert in range(experts):
            for i in range(n):
                state[expert, base + i] = v[expert, i]


@kernel
def _cumulate(v: Any, cumulated: Any, keep: Any, n: int) -> None:
    """Cumulate the weights of the experts, and let the scores decay in the same pass."""
    total = np.zeros(n)
    for expert in range(v.shape[0]):
        _add_weights(v[expert, :n], cumulated[expert, :n], total, keep)


@kernel
def _add_weights(row: Any, cumulated: Any, total: Any, keep: Any) -> None:
    for i in range(row.size):
        old = row[i]
        new = total[i] + exp2(old)
        total[i] = new
        cumulated[i] = new
        row[i] = keep[i] * old


@kernel
def _cumulate_far(v: Any, cumulated: Any, keep: Any, n: int) -> None:
    """Do the same for scores of any size, relative to the largest."""
    experts = v.shape[0]
    for i in range(n):
        top = v[0, i]
        for expert in range(1, experts):
            top = max(top, v[expert, i])
        total = 0.0
        for expert in range(experts):
            total += exp2(max(v[expert, i] - top, -1000.0))
            cumulated[expert, i] = total
            v[expert, i] *= keep[i]


@kernel
def _search(chosen: Any, level: Any, cumulated: Any, words: Any, n: int) -> None:
    """Choose the first expert whose cumulated weight exceeds the word's share of the total."""
    experts = cumulated.shape[0]
    for i in range(n):
        level[i] = (np.float64(words[i]) + 0.5) * (1.0 / MANTISSA) * cumulated[experts - 1, i]
        chosen[i] = 0
    for expert in range(experts - 1):
        row = cumulated[expert]
        for i in range(n):
            chosen[i] += 1 if row[i] <= level[i] else 0


@kernel
def _reward(v: Any, chosen: Any, kick: Any, sums: Any, base: int, n: int, tokens: int, collecting: bool) -> None:
    for i in range(n):
        v[chosen[i], i] += kick[i] / tokens
    if collecting:
        for i in range(n):
            sums[0, chosen[i], base + i] += 1.0


@kernel
def _multinomial(
    v: Any, cumulated: Any, kick: Any, sums: Any, words: Any, step: int, tokens: int, base: int, n: int,
    k0: Any, k1: Any, collecting: bool,
) -> None:  # fmt: skip
    """Draw the counts expert by expert, each binomial given those before it."""
    experts = v.shape[0]
    left = np.full(n, float(tokens))
    for expert in range(experts):
        if expert < experts - 1:
            fill(words, step, expert, base, n, k0, k1)
        for i in range(n):
            before = cumulated[expert - 1, i] if expert else 0.0
            rest, count = cumulated[experts - 1, i] - before, left[i]
            if expert < experts - 1:
                chance = (cumulated[expert, i] - before) / rest if rest > 0.0 else 1.0
                count = binomial(left[i], chance, uniform53(words[0, i], words[1, i]))
            left[i] -= count
            v[expert, i] += kick[i] * (count / tokens)
            if collecting:
                sums[0, expert, base + i] += count


@kernel
def _noisy(
    chosen: Any, best: Any, v: Any, noise: Any, words: Any, step: int, block: int, base: int, n: int, k0: Any, k1: Any
) -> None:
    """Choose the largest score after each has had its own Gaussian noise, of half the variance of a margin."""
    for expert in range(v.shape[0]):
        lane = expert & 2
        if expert & 3 == 0:
            fill(words, step, block + (expert >> 2), base, n, k0, k1)
        for i in range(n):
            radius = math.sqrt(-2.0 * math.log((np.float64(words[lane, i]) + 0.5) * (1.0 / MANTISSA)))
            angle = (np.float64(words[lane + 1, i]) + 0.5) * (2.0 * math.pi / MANTISSA)
            part = math.sin(angle) if expert & 1 else math.cos(angle)
            value = v[expert, i] + noise[i] * math.sqrt(0.5) * radius * part
            if expert == 0 or value > best[i]:
                best[i] = value
                chosen[i] = expert
