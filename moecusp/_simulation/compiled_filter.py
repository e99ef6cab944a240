"""Selection among many experts, decided in single precision where that is certain and in double where it is not.

The scores are held as v_i = A z_i, so that their common decay touches one number a router and z changes only where a
token falls. Cumulated weights are computed from float32 copies, eight at a time, with an error bound (`tolerance`);
where the random level comes closer than that to an edge between two experts, the choice is made again in float64. The
selections are those of float64 arithmetic throughout.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.polynomial import Chebyshev, Polynomial

from moecusp._numerics.traced import widest
from moecusp._simulation.compiled_scalar import exp2, inlined, kernel
from moecusp._simulation.compiled_two import PADDING, gather
from moecusp._simulation.compiled_words import fill
from moecusp._simulation.plan import MANTISSA

RESYNC = 64
"""Steps, counted from step 0, after which A is multiplied out."""
RANGE = 110.0
"""Largest |log2 weight| of a run for which single precision is used."""
_f32, _i32 = np.float32, np.int32
_WORD32 = _f32(1.0 / MANTISSA)
_ROUNDER = _f32(1.5 * 2.0**23)
_BITS = _i32(23)
_ZERO = _f32(0.0)
_FIT = Chebyshev.interpolate(np.exp2, 5, domain=[-0.5, 0.5]).convert(kind=Polynomial, domain=[-1, 1]).coef
C0, C1, C2, C3, C4, C5 = map(_f32, _FIT)


def tolerance(experts: int, largest: float) -> float:
    """Return the bound on the error of a cumulated weight or level, as a share of the total weight, both sides added.

    With unit roundoff e = 2^-24: 3 e log(2) |t| from the two factors of the exponent t and their product, 6 e from
    the polynomial and its evaluation, e a term from summing, 3 e from the level; rounded up.
    """
    return 2.0 * 2.0**-24 * (2.2 * largest + 1.0 * experts + 12.0)


@inlined
def exp2_single(x: Any) -> Any:
    """Return 2^x in float32 for |x| < 125, to a relative error of 4e-7."""
    shifted = _f32(x + _ROUNDER)
    r = _f32(x - _f32(shifted - _ROUNDER))
    p = _f32(_f32(_f32(_f32(_f32(C5 * r + C4) * r + C3) * r + C2) * r + C1) * r + C0)
    return _i32(p.view(_i32) + _i32(shifted.view(_i32) << _BITS)).view(_f32)


@kernel
def advance(
    z: Any, sums: Any, reference: Any, decay: Any, coefficients: Any, offsets: Any, key: Any, shape: Any,
    share: float,
    start: int, stop: int, first: int, last: int, collecting: bool,
) -> None:  # fmt: skip
    """Take steps start..stop-1 of routers first..last-1, tile by tile; arguments as in `compiled_many.advance`.

    decay holds A of each router, share the tolerance.
    """
    widest()
    tile, tokens, one_word, moments = shape[0], shape[1], shape[3], shape[6]
    k0, k1 = np.uint32(key[0]), np.uint32(key[1])
    experts = z.shape[0]
    words, picks = np.empty((4, tile), np.uint32), np.empty((tokens, tile), np.int32)
    wide = tile + PADDING
    double, hits = np.empty((experts, wide)), np.empty((experts, wide), np.int32)
    single, cumulated = np.empty((experts, wide), _f32), np.empty((experts, wide), _f32)
    decayed, total = np.empty(tile, _f32), np.empty(tile, _f32)
    level, near = np.empty(tile, _f32), np.empty(tile, _f32)
    kick, drive = np.empty(tile), np.empty(tile)
    scheduled = offsets.shape[1] > 0
    for base in range(first, last, tile):
        n = min(tile, last - base)
        driven = scheduled or np.any(coefficients[2, base : base + n] != 0.0)
        hits[:] = 0
        for expert in range(experts):
            _copy(z[expert, base:], double[expert], n)
        for step in range(start, stop):
            if step % RESYNC == 0:
                _resync(double, decay, base, n)
            if step == start or step % RESYNC == 0:
                for expert in range(experts):
                    _copy(double[expert], single[expert], n)
            _copy(decay[base:], decayed, n)
            cumulate(single, decayed, cumulated, total, n)
            for token in range(tokens):
                lane = (step if one_word else token) & 3
                if one_word and (step == start or lane == 0):
                    fill(words, step >> 2, 0, base, n, k0, k1)
                elif not one_word and lane == 0:
                    fill(words, step, token >> 2, base, n, k0, k1)
                search(picks[token], near, level, cumulated, total, words[lane], n)
                _settle(picks[token], near, total, _f32(share), double, decay, words[lane], base, n)
            feedback = offsets[0, step - start] if scheduled else 0.0
            asymmetry = offsets[1, step - start] if scheduled else 0.0
            _decay(kick, drive, decay, coefficients, feedback, asymmetry, tokens, base, n)
            for token in range(tokens):
                _reward(double, single, hits, picks[token], kick, n)
            if driven:
                _push(double[0], single[0], drive, n)
            if collecting and moments:
                _gather(double, decay, reference, sums, base, n)
        for expert in range(experts):
            _copy(double[expert], z[expert, base:], n)
            for i in range(n):
                sums[0, expert, base + i] += hits[expert, i] if collecting else 0


@kernel
def _resync(z: Any, decay: Any, base: int, n: int) -> None:
    """Multiply the decay out."""
    widest()
    for expert in range(z.shape[0]):
        for i in range(n):
            z[expert, i] *= decay[base + i]
    decay[base : base + n] = 1.0


@kernel
def _copy(source: Any, target: Any, n: int) -> None:
    """Copy by hand: a slice, with its message of error, takes long to compile."""
    for i in range(n):
        target[i] = source[i]


@kernel
def _settle(chosen: Any, near: Any, total: Any, share: Any, z: Any, decay: Any, words: Any, base: int, n: int) -> None:
    """Choose again in float64 where single precision cannot tell."""
    widest()
    unsure = _i32(0)
    for i in range(n):
        unsure = _i32(unsure | (_i32(1) if near[i] <= _f32(share * total[i]) else _i32(0)))
    if unsure:
        for i in range(n):
            if near[i] <= _f32(share * total[i]):
                chosen[i] = decide(z[:, i], decay[base + i], words[i])


@kernel
def _decay(
    kick: Any, drive: Any, decay: Any, coefficients: Any, feedback: float, asymmetry: float, tokens: int, base: int,
    n: int,
) -> None:  # fmt: skip
    """Let the scores decay; find what a token and the drive add to z."""
    widest()
    part = 1.0 / tokens
    for i in range(n):
        unit = coefficients[3, base + i]
        after = decay[base + i] * coefficients[0, base + i]
        decay[base + i] = after
        inverse = 1.0 / after
        kick[i] = (coefficients[1, base + i] + unit * feedback) * part * inverse
        drive[i] = (coefficients[2, base + i] + unit * asymmetry) * inverse


@kernel
def _reward(z: Any, single: Any, hits: Any, chosen: Any, kick: Any, n: int) -> None:
    for i in range(n):
        expert = chosen[i]
        new = z[expert, i] + kick[i]
        z[expert, i] = new
        single[expert, i] = new
        hits[expert, i] += 1


@kernel
def _push(z: Any, single: Any, drive: Any, n: int) -> None:
    for i in range(n):
        z[i] += drive[i]
        single[i] = z[i]


@kernel
def _gather(z: Any, decay: Any, reference: Any, sums: Any, base: int, n: int) -> None:
    for expert in range(z.shape[0]):
        state = np.empty(n)
        for i in range(n):
            state[i] = z[expert, i] * decay[base + i]
        gather(state, reference[expert, base : base + n], sums[:, expert, base : base + n])


@kernel
def cumulate(z: Any, decayed: Any, cumulated: Any, total: Any, n: int) -> None:
    """Cumulate 2^(A z) over the experts, four in a pass; all arguments float32."""
    widest()
    total[:] = _f32(0.0)
    experts = z.shape[0]
    for k in range(0, experts - 3, 4):
        z0, z1, z2, z3 = z[k], z[k + 1], z[k + 2], z[k + 3]
        c0, c1, c2, c3 = cumulated[k], cumulated[k + 1], cumulated[k + 2], cumulated[k + 3]
        for i in range(n):
            a = decayed[i]
            t0 = _f32(total[i] + exp2_single(_f32(a * z0[i])))
            t1 = _f32(t0 + exp2_single(_f32(a * z1[i])))
            t2 = _f32(t1 + exp2_single(_f32(a * z2[i])))
            t3 = _f32(t2 + exp2_single(_f32(a * z3[i])))
            c0[i], c1[i], c2[i], c3[i] = t0, t1, t2, t3
            total[i] = t3
    for k in range(experts // 4 * 4, experts):
        z0, c0 = z[k], cumulated[k]
        for i in range(n):
            t0 = _f32(total[i] + exp2_single(_f32(decayed[i] * z0[i])))
            c0[i] = t0
            total[i] = t0


@kernel
def search(chosen: Any, near: Any, level: Any, cumulated: Any, total: Any, words: Any, n: int) -> None:
    """Count the cumulated weights at or below the level; near is the distance from it to the closest of them."""
    widest()
    experts = cumulated.shape[0]
    last = (experts - 1) // 4 * 4
    for i in range(n):
        level[i] = _f32(_f32(words[i]) * _WORD32) * total[i]
        chosen[i] = _i32(0)
        near[i] = total[i]
    for k in range(0, last, 4):
        c0, c1, c2, c3 = cumulated[k], cumulated[k + 1], cumulated[k + 2], cumulated[k + 3]
        for i in range(n):
            at = level[i]
            g0, g1, g2, g3 = _f32(c0[i] - at), _f32(c1[i] - at), _f32(c2[i] - at), _f32(c3[i] - at)
            found = _i32(_i32(g0 <= _ZERO) + _i32(g1 <= _ZERO))
            chosen[i] = _i32(chosen[i] + _i32(found + _i32(_i32(g2 <= _ZERO) + _i32(g3 <= _ZERO))))
            near[i] = _least(_least(_least(abs(g0), abs(g1)), _least(abs(g2), abs(g3))), near[i])
    for k in range(last, experts - 1):
        c0 = cumulated[k]
        for i in range(n):
            g0 = _f32(c0[i] - level[i])
            chosen[i] = _i32(chosen[i] + _i32(g0 <= _ZERO))
            near[i] = _least(abs(g0), near[i])


@inlined
def _least(a: Any, b: Any) -> Any:
    return a if a < b else b


@kernel
def decide(z: Any, decay: float, word: Any) -> int:
    """Choose in float64: the first expert whose cumulated weight exceeds the word's share of the total."""
    widest()
    total = 0.0
    for expert in range(z.size):
        total += exp2(decay * z[expert])
    level, cumulated = (np.float64(word) + 0.5) * (1.0 / MANTISSA) * total, 0.0
    for expert in range(z.size - 1):
        cumulated += exp2(decay * z[expert])
        if cumulated > level:
            return expert
    return len(z) - 1
