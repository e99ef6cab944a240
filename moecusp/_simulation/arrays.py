"""The rule on whole arrays, one step at a time: NumPy (the portable reference) and torch on any device, same source."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moecusp._arguments import Array
from moecusp._simulation.binomial import binomial
from moecusp._simulation.philox import philox
from moecusp._simulation.plan import MANTISSA, Plan
from moecusp._simulation.statistics import Sums


class ArrayBackend:
    """Runs a plan on arrays of NumPy or torch; `state`, `sums` and `passed` give NumPy arrays back."""

    def __init__(self, plan: Plan, xp: Any = np, device: str | None = None, dtype: str = "float64") -> None:
        self.plan, self.xp, self.name = plan, xp, xp.__name__
        self._where = {} if xp is np else {"device": device or "cpu"}
        self._float = getattr(xp, dtype)
        names = ("keep", "kick", "drive", "unit", "noise", "low", "high")
        self._ = {name: self._array(getattr(plan, name)) for name in names}
        self._state = self._array(plan.start)
        self._router = xp.arange(plan.routers, dtype=xp.int64, **self._where)
        zeros = xp.zeros_like(self._state, dtype=xp.float64)  # float32 could not count beyond 2^24
        self._hits, self._first, self._second, self._cross, self._last = (zeros + 0.0 for _ in range(5))
        self._reference = self._state
        self._passed = xp.zeros_like(self._router) - 1
        self._collected = 0
        self._words: tuple[int, Any] = (-1, None)

    def state(self) -> Array:
        """Return the state as float64, shape (rows, routers)."""
        return self._numpy(self._state)

    def passed(self) -> NDArray[np.int64]:
        """Return the step of each router's first passage, -1 where there was none."""
        return self._numpy(self._passed).astype(np.int64)

    def collect(self) -> Array:
        """Start accumulating from here; return the reference state."""
        self._reference = self._state
        return self.state()

    def sums(self) -> Sums:
        """Return what was accumulated."""
        parts = (self._hits, self._first, self._second, self._cross, self._last)
        return Sums(self._collected, *(self._numpy(part) for part in parts))

    @np.errstate(all="ignore")  # weights of experts far behind vanish
    def advance(self, start: int, stop: int, *, collecting: bool) -> None:
        """Take steps start..stop-1."""
        offsets = None if self.plan.schedule.constant else self.plan.schedule.offsets(start, stop)
        for step in range(start, stop):
            kick, drive = self._["kick"], self._["drive"]
            if offsets is not None:
                kick = kick + self._["unit"] * float(offsets[0, step - start])
                drive = drive + self._["unit"] * float(offsets[1, step - start])
            counts = self._two_counts(step) if self.plan.two else self._counts(step)
            share = counts / float(self.plan.tokens)
            if self.plan.two:
                self._state = self._["keep"] * self._state + (drive + kick * (2.0 * share - 1.0))
            else:
                self._state = self._["keep"] * self._state + kick * share
                self._state[0] += drive
            if collecting:
                self._accumulate(counts)
            if self.plan.passage:
                outside = (self._state[0] <= self._["low"]) | (self._state[0] >= self._["high"])
                self._passed = self.xp.where(outside & (self._passed < 0), 0 * self._passed + (step + 1), self._passed)

    def _accumulate(self, counts: Any) -> None:
        self._hits = self._hits + counts
        self._collected += 1
        if self.plan.moments:
            d = self._state - self._reference
            self._first, self._second = self._first + d, self._second + d * d
            self._cross, self._last = self._cross + d * self._last, d

    def _two_counts(self, step: int) -> Any:
        """Return how many tokens chose expert 1, shape (1, routers)."""
        y, xp = self._state, self.xp
        if self.plan.hard:
            noise = self._["noise"]
            sure = xp.where(y >= 0.0, 0.0 * y + 1.0, 0.0 * y)
            chance = xp.where(noise > 0.0, self._normal_cdf(y / xp.where(noise > 0.0, noise, noise + 1.0)), sure)
        else:
            small = xp.exp(-xp.abs(y))
            chance = xp.where(y >= 0.0, 1.0 + 0.0 * y, small) / (1.0 + small)
        if not self.plan.tokenwise:
            return binomial(xp, 0.0 * y + self.plan.tokens, chance, self._uniform(step, 0))
        threshold = chance * MANTISSA
        count = 0.0 * y
        for token in range(self.plan.tokens):
            count = count + self._to_float(self._to_float(self._word(step, token)) + 0.5 < threshold)
        return count

    def _counts(self, step: int) -> Any:
        """Return how many tokens chose each expert, shape (experts, routers)."""
        if self.plan.hard:
            return self._noisy_counts(step)
        v, xp = self._state, self.xp
        weights = xp.exp(v - xp.amax(v, 0))
        counts = xp.zeros_like(v)
        if self.plan.tokenwise:
            cumulated = xp.cumsum(weights, 0)
            for token in range(self.plan.tokens):
                level = (self._to_float(self._word(step, token)) + 0.5) * (1.0 / MANTISSA) * cumulated[-1]
                counts[(cumulated[:-1] <= level).sum(0), self._router] += 1.0
            return counts
        tails = [weights[-1]]
        for expert in range(self.plan.experts - 2, -1, -1):
            tails.append(tails[-1] + weights[expert])
        left = 0.0 * v[0] + self.plan.tokens
        for expert in range(self.plan.experts - 1):
            tail = tails[-1 - expert]
            chance = xp.where(tail > 0.0, weights[expert] / xp.where(tail > 0.0, tail, 1.0 + tail), 1.0 + tail)
            counts[expert] = binomial(xp, left, chance, self._uniform(step, expert))
            left = left - counts[expert]
        counts[-1] = left
        return counts

    def _noisy_counts(self, step: int) -> Any:
        """Return how many tokens chose each expert when every token adds its own Gaussian noise to the scores."""
        counts, xp = self.xp.zeros_like(self._state), self.xp
        spread = self._["noise"] * math.sqrt(0.5)
        for token in range(self.plan.tokens):
            best, winner = self._state[0] - np.inf, 0 * self._router
            for expert in range(0, self.plan.experts, 2):
                at = token * self.plan.token_words + expert
                radius, angle = (self._to_float(self._word(step, at + i)) + 0.5 for i in (0, 1))
                radius = xp.sqrt(-2.0 * xp.log(radius * (1.0 / MANTISSA)))
                angle = angle * (2.0 * math.pi / MANTISSA)
                for i, part in enumerate((xp.cos(angle), xp.sin(angle))[: self.plan.experts - expert]):
                    noisy = self._state[expert + i] + spread * radius * part
                    better = noisy > best  # the first of equals wins
                    best = xp.where(better, noisy, best)
                    winner = xp.where(better, 0 * winner + (expert + i), winner)
            counts[winner, self._router] += 1.0
        return counts

    def _word(self, step: int, index: int) -> Any:
        """Return word `index` of a step: four steps share a block if a step uses one word, else blocks are its own."""
        number, part, lane = (step // 4, 0, step % 4) if self.plan.one_word else (step, index // 4, index % 4)
        identity = number * 2**32 + part
        if self._words[0] != identity:
            r = self._router
            block = philox((0 * r + number, 0 * r + part, r & 0xFFFFFFFF, r >> 32), self.plan.key)
            self._words = (identity, block)
        return self._words[1][lane]

    def _uniform(self, step: int, block: int) -> Any:
        """Return a number of 53 bits in (0, 1) from the first two words of a block."""
        high, low = (self._word(step, 4 * block + i) for i in (0, 1))
        return (self._to_float((high >> 5) * 67108864 + (low >> 6)) + 0.5) * 2.0**-53

    def _normal_cdf(self, x: Any) -> Any:
        if self.xp is np:
            from scipy.special import ndtr

            return ndtr(x)
        return self.xp.special.ndtr(x)

    def _array(self, values: Array) -> Any:
        if self.xp is np:
            return np.array(values, dtype=self._float)
        return self.xp.tensor(np.array(values), dtype=self._float, **self._where)

    def _to_float(self, values: Any) -> Any:
        return values.astype(self._float) if self.xp is np else values.to(self._float)

    def _numpy(self, values: Any) -> Array:
        return np.array(values if self.xp is np else values.cpu().numpy(), dtype=np.float64)
