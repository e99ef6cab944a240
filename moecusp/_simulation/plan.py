"""A checked request in the form every backend runs: dimensionless state, coefficients per router, fixed streams.

The state is the log-odds y = beta (s1 - s2) of expert 1 for two experts and v_i = beta s_i for more. One step is

    two experts:  y   <- keep y   + drive + kick (2 n/B - 1)        n: tokens that chose expert 1
    more:         v_i <- keep v_i + drive 1[i = 1] + kick n_i/B

with keep = 1 - step, step = eps mu, kick = eps beta kappa and drive = eps beta h.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from moecusp._arguments import Array
from moecusp._simulation.schedules import Schedule

TOKENWISE = 64
"""Batches up to this size draw every token; larger ones draw the counts by inversion (see `binomial`)."""
MANTISSA = 4294967296.0
"""Words per unit of probability: a word w decides by (w + 1/2)/2^32."""
STEPS_LIMIT = 2**32
TOKENS_LIMIT = 2**32
ROUTERS_LIMIT = 2**48
BLOCKS_LIMIT = 2**32
"""Blocks of random words in a step of one router: one word of the counter numbers them."""
LARGEST_EXPONENT = 600.0
"""Log-odds below which 2^x of any state is a normal float, with room for a sum over experts."""


@dataclass(frozen=True)
class Plan:
    """What a backend has to run.

    Attributes
    ----------
    experts, routers, steps, tokens, seed : int
        K, number of routers, number of steps, batch size B, seed in [0, 2^64).
    hard : bool
        Arg-max selection with Gaussian margin noise instead of softmax sampling.
    step, kick, drive, unit, noise : ndarray, shape (routers,)
        step = eps mu; unit = eps beta turns schedule offsets into kick and drive; noise = beta sigma.
    start : ndarray, shape (rows, routers)
        Initial state; rows is 1 for two experts, K for more.
    schedule : Schedule
        Offsets of feedback and asymmetry by step.
    low, high : ndarray, shape (routers,)
        Log-odds that end a first passage; infinite where there is none.
    passage, moments : bool
        What to accumulate besides the load.
    """

    experts: int
    routers: int
    steps: int
    tokens: int
    seed: int
    hard: bool
    step: Array
    kick: Array
    drive: Array
    unit: Array
    noise: Array
    start: Array
    schedule: Schedule
    low: Array
    high: Array
    passage: bool
    moments: bool

    @cached_property
    def keep(self) -> Array:
        """What one step leaves of the state."""
        return np.asarray(1.0 - self.step)

    @property
    def two(self) -> bool:
        """Whether only the score difference is kept."""
        return self.experts == 2

    @property
    def key(self) -> tuple[int, int]:
        """Key of the generator."""
        return self.seed & 0xFFFFFFFF, self.seed >> 32

    @property
    def one_word(self) -> bool:
        """Whether a step uses a single word, so that four steps share a block."""
        return self.tokens == 1 and (self.two or not self.hard)

    @property
    def token_words(self) -> int:
        """Words that one token uses: one, or for noisy experts a Gaussian each, in whole blocks."""
        return 4 * -(-self.experts // 4) if self.hard and not self.two else 1

    @property
    def tokenwise(self) -> bool:
        """Whether every token is drawn; no closed form gives the counts of more than two noisy experts."""
        return self.tokens <= TOKENWISE or (self.hard and not self.two)

    @cached_property
    def memory(self) -> Array:
        """Bound on 1 + |keep| + |keep|^2 + ... over the run, in steps: 1/step for a small one, but at most all."""
        return np.asarray(1.0 / np.maximum(np.minimum(self.step, 2.0 - self.step), 1.0 / self.steps))

    @cached_property
    def largest(self) -> float:
        """Bound on the size of every state of the run."""
        kick = self.kick + self.unit * self.schedule.largest("feedback")
        drive = np.abs(self.drive) + self.unit * self.schedule.largest("asymmetry")
        return float(np.max(np.max(np.abs(self.start), axis=0) + (kick + drive) * self.memory))

    @property
    def bounded(self) -> bool:
        """Whether no state can leave the range in which exponentials neither overflow nor vanish."""
        return self.largest < LARGEST_EXPONENT * math.log(2.0)
