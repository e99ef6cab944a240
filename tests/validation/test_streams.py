"""Named streams: every name its own numbers, the same on any machine."""

from __future__ import annotations

import hashlib

import numpy as np
import torch

from validation.streams import Stream, recorded, stream


class TestStream:
    def test_integer_is_the_start_of_the_digest_of_the_name(self):
        digest = hashlib.sha256(b'["digits", "onset", "3", 7]').digest()
        assert stream("digits", "onset", 3, 7).integer() == int.from_bytes(digest[:8], "little")

    def test_numbers_follow_from_the_name(self):
        name = ("digits", "onset", 3, 7)
        assert stream(*name).numpy().random() == stream(*name).numpy().random()
        assert torch.rand(1, generator=stream(*name).torch()) == torch.rand(1, generator=stream(*name).torch())

    def test_every_word_of_the_name_counts(self):
        names = [("a", "b", "c", 0), ("x", "b", "c", 0), ("a", "x", "c", 0), ("a", "b", "x", 0), ("a", "b", "c", 1)]
        for kind in (
            Stream.integer,
            lambda s: s.numpy().random(),
            lambda s: float(torch.rand(1, generator=s.torch(), dtype=torch.float64)),
        ):
            assert len({kind(stream(*name)) for name in names}) == len(names)

    def test_words_do_not_run_into_each_other(self):
        assert stream("a", "bc", "d", 0).integer() != stream("ab", "c", "d", 0).integer()
        assert stream("a", "b", "1", 11).integer() != stream("a", "b", "11", 1).integer()

    def test_streams_of_neighbouring_seeds_are_uncorrelated(self):
        """100 streams of 1,000 numbers: no two correlate by more than 6 standard errors (false alarm 1e-5)."""
        drawn = np.stack([stream("a", "b", 0, seed).numpy().normal(size=1000) for seed in range(100)])
        correlation = np.corrcoef(drawn) - np.eye(100)
        assert np.abs(correlation).max() < 6 / 1000**0.5


def test_recorded_notes_what_is_asked_for_inside():
    stream("a", "b", 0, 0)
    with recorded() as names:
        inside = stream("a", "b", 1, 0)
    stream("a", "b", 2, 0)
    assert names == [inside]
