"""Dead experts by every definition, on the edges of each; against the metrics of traces; counted in training."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from moecusp import ParameterError
from moecusp.metrics import DEAD, DEAD_SLOTS, layer_metrics
from moecusp.trace import Sample, Site, SiteTrace
from tests.validation.training.plain import Plain
from validation.training import deadness
from validation.training.deadness import Definition, ExpertClass, classes, counts, dead, life, tier_usage
from validation.training.layers import Start
from validation.training.losses import Selection
from validation.training.moe import Routing, Tiers
from validation.training.objective import Setting, Weights
from validation.training.sources import Images
from validation.training.usage import Tally, usage
from validation.training.vision import Vision

SHARES = [d for d in Definition if d is not Definition.STREAK]


class TestDefinitions:
    @pytest.mark.parametrize("definition", SHARES)
    def test_a_share_at_the_threshold_is_alive(self, definition):
        values = np.array([0.01, np.nextafter(0.01, 0), 0.0, 0.99])
        assert dead(values, definition, 0.01).tolist() == [False, True, True, False]

    @pytest.mark.parametrize("definition", SHARES)
    def test_fair_is_one_over_the_number_of_experts(self, definition):
        """K = 16: 1 % is .16 of fair, 2 % is .32; whatever the sum."""
        values = np.array([0.0099, 0.0101, *[0.07] * 14])
        for scale in (1.0, 1000.0 / values.sum()):
            share = values / values.sum() * scale
            assert dead(share, definition, 0.16, 1.0).tolist() == [True, False, *[False] * 14]

    def test_a_streak_beyond_the_threshold_is_death(self):
        assert dead(np.array([100, 101]), Definition.STREAK, 100).tolist() == [False, True]
        assert dead(np.array([6, 7]), Definition.STREAK, 100, 16.0).tolist() == [False, True]

    def test_counts_name_every_definition_and_threshold(self):
        rng = np.random.default_rng(0)
        share = rng.dirichlet(np.full(16, 0.2), size=(3, 2, 1))
        found = {**{str(d): share for d in SHARES}, "streak": rng.integers(0, 400, (3, 2, 1, 16)).astype(float)}
        table = counts(found, fair_slots=4.0)
        assert len(table) == 3 * 10 + 7
        assert all(each.shape == (3, 2, 1) for each in table.values())
        np.testing.assert_array_equal(table["slots < 0.02"], (share < 0.02).sum(-1))
        np.testing.assert_array_equal(table["slots < 0.25 fair"], (share * 16 < 0.25).sum(-1))
        np.testing.assert_array_equal(table["streak > 300"], (found["streak"] > 300).sum(-1))
        np.testing.assert_array_equal(table["streak > 1000 fair"], (found["streak"] > 250).sum(-1))

    def test_they_are_those_of_traces_where_they_coincide(self):
        """A trace of 150 batches, k = 2 of 6 experts, one used early only, one seldom."""
        rng = np.random.default_rng(1)
        batches, tokens, experts = 150, 8, 6
        scores = rng.normal(size=(batches, tokens, experts)) + np.array([0, 0, 0, 0.5, -9.0, -3.0])
        scores[:20, :, 4] += 10.0
        chosen = np.argsort(-scores, axis=-1)[..., :2]
        tallied = np.stack([np.bincount(each.ravel(), minlength=experts) for each in chosen])
        p = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
        rows = chosen.reshape(-1, 2)
        sample = Sample(
            rows,
            weights=np.take_along_axis(p.reshape(-1, experts), rows, 1),
            scores=p.reshape(-1, experts),
            kind="probability",
            batch=np.repeat(np.arange(batches), tokens),
        )
        record = SiteTrace(Site("mlp", 0, experts, 2), tallied, np.full(batches, tokens), sample=sample)
        values = layer_metrics(record, streak=101).values
        first = np.bincount(chosen[..., 0].ravel(), minlength=experts) / (batches * tokens)
        tally = Tally()
        for each in tallied:
            tally.add([_routing(torch.tensor(each[None] / each.sum()))])
        streak = tally.taken()["streak"][0, 0].numpy()
        assert dead(first, Definition.FIRST, DEAD, 1.0).mean() == values["dead_first"] > 0
        assert dead(tallied.sum(0) / tallied.sum(), Definition.SLOTS, DEAD_SLOTS).mean() == values["dead_slots"]
        assert dead(p.mean((0, 1)), Definition.PROBABILITY, DEAD, 1.0).mean() == values["dead_probability"]
        assert dead(streak, Definition.STREAK, 100).mean() == values["dead_streak"] == 1 / 6

    @pytest.mark.parametrize(("name", "arguments"), [
        ("threshold", (Definition.FIRST, 0.0)), ("threshold", (Definition.STREAK, float("nan"))),
        ("fair", (Definition.STREAK, 1.0, -1.0)), ("fair", (Definition.SLOTS, 0.1, 0.5)),
    ])  # fmt: skip
    def test_errors(self, name, arguments):
        with pytest.raises(ParameterError, match=rf"^{name} = "):
            dead(np.ones(3), *arguments)


class TestLife:
    def test_between_the_thresholds_nothing_changes(self):
        share = np.array([0.05, 0.015, 0.009, 0.015, 0.0199, 0.02, 0.011, 0.0, 0.5])[:, None]
        found = life(share)
        assert found.dead[:, 0].tolist() == [False, False, True, True, True, False, False, True, False]
        assert (found.deaths.tolist(), found.revivals.tolist()) == ([2], [2])

    def test_dead_from_the_start_is_no_death(self):
        found = life(np.array([[0.0], [0.03]]))
        assert (found.deaths.tolist(), found.revivals.tolist()) == ([0], [1])

    def test_many_at_once_are_each_by_itself(self):
        share = np.random.default_rng(2).uniform(0, 0.03, (4, 3, 30, 5))
        found = life(share)
        for m, layer, e in np.ndindex(4, 3, 5):
            state, died, came = share[m, layer, 0, e] < 0.01, 0, 0
            for value in share[m, layer, 1:, e]:
                before = state
                state = value < 0.02 if state else value < 0.01
                died, came = died + (state and not before), came + (before and not state)
            assert found.deaths[m, layer, e] == died
            assert found.revivals[m, layer, e] == came
        assert found.revivals.sum() > 50

    @pytest.mark.parametrize(("low", "high"), [(0.02, 0.01), (0.0, 0.1), (0.1, float("inf"))])
    def test_errors(self, low, high):
        with pytest.raises(ParameterError, match=r"^high = "):
            life(np.ones((2, 1)), low, high)


class TestClasses:
    @pytest.mark.parametrize(("use", "accuracy", "expected"), [
        (0.03, 0.5, "PURE_CORE"), (0.03, 0.499, "BROAD_CORE"), (0.9, 0.3, "BROAD_CORE"), (0.03, 0.299, "WEAK_CORE"),
        (0.0299, 0.25, "EDGE"), (0.01, 1.0, "EDGE"), (0.01, 0.249, "NOISE"), (0.0299, 0.0, "NOISE"),
        (0.0099, 1.0, "DEAD"), (0.0, float("nan"), "DEAD"),
    ])  # fmt: skip
    def test_edges(self, use, accuracy, expected):
        assert ExpertClass(int(classes(np.array([use]), np.array([accuracy]))[0])).name == expected

    def test_an_expert_in_use_has_an_accuracy(self):
        with pytest.raises(ParameterError, match=r"^accuracy = nan"):
            classes(np.array([0.5, 0.5]), np.array([0.5, np.nan]))


class TestTiers:
    def test_even_use_is_one_in_every_tier(self):
        np.testing.assert_allclose(tier_usage(np.full((2, 16), 1 / 16), Tiers.even((8, 4, 4), 2)), np.ones((2, 3)))

    def test_shares_are_added_tier_by_tier(self):
        share = np.array([0.1, 0.2, 0.3, 0.4])
        np.testing.assert_allclose(tier_usage(share, Tiers.even((1, 2, 1), 2)), [0.4, 1.0, 1.6])

    def test_errors(self):
        with pytest.raises(ParameterError, match=r"^share = "):
            tier_usage(np.ones(5), Tiers.even((2, 2), 1))


def _routing(share):
    zero = torch.zeros(1, 1, share.shape[-1])
    return Routing(zero, zero, Selection(torch.zeros(1, 1, 1, dtype=torch.int64), zero, share), zero, torch.neg)


def test_tally_follows_streaks():
    """Slots of two layers; streaks by hand; what is taken begins anew but the streaks."""
    used = torch.tensor([[1.0, 0.0], [1 - 2**-10, 2**-10], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0]], dtype=torch.float64)
    tally = Tally()
    for row in used[:4]:
        tally.add([_routing(row[None]), _routing(row.flip(0)[None])])
    found = {name: each[0].tolist() for name, each in tally.taken().items()}
    assert found == {
        "streak": [[0, 2], [2, 0]], "longest_streak": [[0, 2], [2, 0]],
        "train_slots": [[1 - 2**-12, 2**-12], [2**-12, 1 - 2**-12]]
    }  # fmt: skip
    tally.add([_routing(used[4:]), _routing(used[4:])])
    found = {name: each[0].tolist() for name, each in tally.taken().items()}
    assert found == {
        "streak": [[1, 0], [3, 0]], "longest_streak": [[1, 2], [3, 0]], "train_slots": [[0.0, 1.0], [0.0, 1.0]]
    }  # fmt: skip


def test_usage_is_that_of_plain_pytorch(monkeypatch):
    """Token by token, in test batches of uneven size."""
    monkeypatch.setattr("validation.training.usage.TOKENS", 7)
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(40, 5, generator=generator, dtype=torch.float64)
    labels = torch.randint(3, (40,), generator=generator)
    source, tiers = Images(x, labels, x, labels), Tiers.even((4,), 3)
    model = Vision(5, 3, tiers, features=4, router=4).build(
        Start([torch.Generator().manual_seed(n) for n in (1, 2)], dtype=torch.float64)
    )
    settings = [Setting(0.2), Setting(0.5)]
    found = usage(model, source, Weights.of(settings, dtype=torch.float64))
    features = model.encoder(x.expand(2, -1, -1))
    for m, setting in enumerate(settings):
        outputs, p, chosen = Plain(model.mixture, tiers, m)(features[m], setting.temperature)
        hit = (outputs.argmax(-1) == labels).numpy()
        firsts, slots = np.array(chosen)[:, 0], np.array(chosen).ravel()
        first = np.bincount(firsts, minlength=4)
        with np.errstate(invalid="ignore"):
            right = np.bincount(firsts, hit, minlength=4) / first
        np.testing.assert_allclose(found["first"][m, 0], first / 40, rtol=1e-12)
        np.testing.assert_allclose(found["slots"][m, 0], np.bincount(slots, minlength=4) / 80, rtol=1e-12)
        np.testing.assert_allclose(found["probability"][m, 0], p.detach().mean(0), rtol=1e-12)
        np.testing.assert_allclose(found["right"][m, 0], right, rtol=1e-12)
        np.testing.assert_allclose(found["accuracy"][m], hit.mean(), rtol=1e-12)
        lost = torch.nn.functional.cross_entropy(outputs, labels).item()
        np.testing.assert_allclose(found["test_loss"][m], lost, rtol=1e-12)


def test_thresholds_are_in_order():
    for each in (deadness.ABSOLUTE, deadness.OF_FAIR, deadness.STREAKS, deadness.FAIR_SLOTS):
        assert list(each) == sorted(each)
