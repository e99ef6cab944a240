"""Named streams: every name its own numbers, the same on any machine."""

from __future__ import annotations

import hashlib
import importlib
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.validation.planted import stored
from tests.validation.routers.truth import few
from tests.validation.trained import truth as trained_truth
from validation.__main__ import STUDIES
from validation.streams import Stream, recorded, stream
from validation.studies import parts_of


class TestStream:
    def test_integer_is_the_start_of_the_digest_of_the_name(self):
        digest = hashlib.sha256(b'["digits", "onset", "3", 7]').digest()
        assert stream("digits", "onset", 3, 7).integer() == int.from_bytes(digest[:8], "little")

    def test_numbers_follow_from_the_name(self):
        name = ("digits", "onset", 3, 7)
        assert stream(*name).numpy().random() == stream(*name).numpy().random()
        assert torch.rand(1, generator=stream(*name).torch()) == torch.rand(1, generator=stream(*name).torch())

    def test_generators_take_their_seeds_from_it(self):
        digest = hashlib.sha256('["ζ", "onset", "3", 7]'.encode()).digest()
        named = stream("ζ", "onset", 3, 7)
        assert named.case == "3"
        assert named.digest == digest
        assert named.numpy().random() == np.random.default_rng(int.from_bytes(digest, "little")).random()
        assert named.torch().initial_seed() == int.from_bytes(digest[:8], "little")

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
    with recorded() as outer:
        with pytest.raises(TypeError), recorded() as inner:
            stream("a", "b", stream("a", "b", 3, 0).seed, "0" + 0)  # type: ignore[operator]
        stream("a", "b", 4, 0)
    assert names == [inside]
    assert [each.case for each in outer] == ["3", "4"]
    assert [each.case for each in inner] == ["3"]


@pytest.fixture(scope="module", name="names")
def _names(tmp_path_factory):
    """Every stream that the studies ask for, in any profile, with two seeds."""
    found = []
    for name, module in STUDIES.items():
        study = importlib.import_module(module).STUDY
        assert study.name == name
        for profile in study.profiles.values():
            # as many as the profile asks for; what is predicted of them needs no more than one
            small = replace(profile, routers=3) if name == "digits" else profile
            if name == "routers":
                small = few(profile)
            elif name == "trained":
                small = trained_truth.few(profile)
            predictions = study.predict(small, 0)
            if name == "digits":
                grow = ("margins", "jitter", "growth.feedbacks")
                predictions = {**predictions, **{k: np.repeat(predictions[k][:1], profile.routers, 0) for k in grow}}
            plan = stored(tmp_path_factory.mktemp("plan"), predictions)
            for seed in (0, 1):
                found += [source for _, source in parts_of(study, profile, plan, seed)]
                if name == "digits":
                    found += [stream("digits", "router", k, seed) for k in range(profile.routers)]
    return set(found)


class TestNamesInUse:
    def test_there_are_many(self, names):
        assert {each.study for each in names} == set(STUDIES)
        assert len(names) >= 2 * (128 + 128 + 2 * 4 + 35)

    def test_no_two_share_a_seed(self, names):
        assert len({each.integer() for each in names}) == len(names)

    def test_nor_the_32_bits_that_torch_reads(self, names):
        assert len({each.integer() % 2**32 for each in names}) == len(names)

    def test_what_is_drawn_while_predicting_is_among_them(self, names):
        study = importlib.import_module(STUDIES["digits"]).STUDY
        with recorded() as drawn:
            study.predict(study.profiles["smoke"], 1)
        assert drawn
        assert set(drawn) <= names
