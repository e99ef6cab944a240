"""The books of a recording: batches, sample, kinds of scores, what is left out, notes."""

# mypy: no-check-untyped-defs
# To mypy every attribute of a module is a tensor or a module.

import numpy as np
import pytest
import torch

from moecusp.routing import Dispatch, record
from moecusp.routing.dispatch import Slots
from moecusp.routing.reservoir import Reservoir
from moecusp.routing.sites import Place
from moecusp.routing.tally import Tally
from tests.routing.own import Experts, Model


def slots(*ids, scores=None, weights=None):
    ids = torch.tensor(ids)
    return Dispatch(4, ids, torch.ones(ids.shape) if weights is None else weights, scores)


def tally(sample=10, batches=4, bias=None, seed=0):
    keeper = Reservoir(sample, np.random.default_rng([seed, 0])) if sample else None
    return Tally([Place("layers.2.mlp", Experts(), None, bias=bias)], [keeper], batches)


class TestTally:
    def test_batches_merge_by_twos(self):
        bias = torch.tensor([0.0, 0.0, 0.0, 0.0, 9.0])
        books = tally(batches=2, bias=bias)
        for n in range(5):
            books.open(10 * n)
            if n != 2:  # a batch in which the router was not called
                bias[0] = n + 0.5
                books.add(0, Slots(slots([n % 4]), None, False))
        found = books.trace({"model": "m"})
        record = found.records[0]
        assert (books.span, record.steps.tolist(), found.source) == (4, [0, 40], {"model": "m"})
        assert record.counts.tolist() == [[1, 1, 0, 1], [1, 0, 0, 0]]
        assert record.bias.tolist() == [[0.5, 0.0, 0.0, 0.0], [4.5, 0.0, 0.0, 0.0]]  # of as many as there are experts
        assert record.sample.batch.tolist() == [0, 0, 0, 1]

    def test_a_batch_without_the_router_keeps_the_bias_before_it(self):
        bias = torch.zeros(4)
        books = tally(bias=bias)
        for n in range(4):
            books.open(None)
            bias[1] = n
            if n in (1, 3):
                books.add(0, Slots(slots([0]), None, False))
                books.add(0, Slots(slots([1]), None, False))
        record = books.trace({}).records[0]
        assert (record.steps, record.counts.tolist()) == (None, [[0] * 4, [1, 1, 0, 0], [0] * 4, [1, 1, 0, 0]])
        assert record.bias[:, 1].tolist() == [1.0, 1.0, 1.0, 3.0]
        assert record.tokens.tolist() == [0, 2, 0, 2]

    def test_steps_are_given_for_all_or_for_none(self):
        books = tally()
        for step in (3, None):
            books.open(step)
            books.add(0, Slots(slots([0]), None, False))
        assert books.trace({}).records[0].steps is None

    def test_without_a_call_of_the_model_there_is_one_batch(self):
        books = tally()
        for _ in range(3):
            books.add(0, Slots(slots([0, 1]), None, False))
        record = books.trace({}).records[0]
        assert (record.counts.tolist(), books.opened) == ([[3, 3, 0, 0]], 1)
        site = record.site
        assert (site.name, site.layer, site.experts, site.k, site.role) == ("layers.2.mlp", 2, 4, 2, "mlp")
        assert site.stack == "decoder"

    def test_what_is_sampled(self):
        books, scores = tally(), torch.arange(12.0).reshape(3, 4)
        weights = torch.tensor([[0.5], [2.0], [0.25]])
        kept = torch.tensor([True, False, True])
        books.add(0, Slots(slots([0], [-1], [3], scores=scores.half(), weights=weights), kept, False))
        record = books.trace({}).records[0]
        sample = record.sample
        assert (sample.chosen.tolist(), sample.mask.tolist()) == ([[0], [-1], [3]], [True, False, True])
        assert (sample.weights.tolist(), sample.batch.tolist()) == ([[0.5], [0.0], [0.25]], [0, 0, 0])
        assert (sample.kind, sample.scores.tolist()) == ("raw", scores.tolist())
        assert (record.tokens.tolist(), record.unrouted["padded"].tolist()) == ([2], [1])

    @pytest.mark.parametrize(
        ("scores", "kind"),
        [
            ([[0.5, 0.5, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]], "probability"),
            ([[0.5, 0.5, 2.0**-7, 0.0], [1.0, 0.0, 0.0, 0.0]], "probability"),
            ([[0.5, 0.5, 2.0**-6, 0.0], [1.0, 0.0, 0.0, 0.0]], "raw"),
            ([[0.5, 0.5, 0.5, -0.5], [1.0, 0.0, 0.0, 0.0]], "raw"),
            ([[0.25, 0.25, 0.25, 0.25], [-1.0, 2.0, 0.0, 0.0]], "raw"),
            ([[0.25, 0.25, 0.25, 0.25], [0.0, 0.0, 0.0, 0.0]], "raw"),
        ],
    )
    def test_what_the_scores_are(self, scores, kind):
        books = tally()
        books.add(0, Slots(slots([0], [1], scores=torch.tensor(scores)), None, False))
        sample = books.trace({}).records[0].sample
        assert (sample.kind, sample.scores.tolist()) == (kind, scores)

    def test_scores_of_more_than_the_experts(self):
        for more, kind in (([2.0, 0.0, 0.0, 0.0, 1.0], "raw"), ([0.5, 0.25, 0.0, 0.0, 0.25], None)):
            books = tally()
            for _ in range(2):
                books.add(0, Slots(slots([0], scores=torch.tensor([more])), None, False))
            found = books.trace({})
            sample = found.records[0].sample
            assert sample.kind == kind
            assert (None if kind is None else sample.scores.tolist()) == (None if kind is None else [more[:4]] * 2)
            assert list(found.notes) == [
                "layers.2.mlp: the router scores 1 choices that are no experts; they are left out"
            ]

    def test_scores_of_other_tokens_or_too_few_are_not_taken(self):
        for scores in (torch.ones(3, 4), torch.ones(2, 3)):
            books = tally()
            books.add(0, Slots(slots([0], [1], scores=scores), None, False))
            sample = books.trace({}).records[0].sample
            assert (sample.scores, sample.kind, sample.tokens) == (None, None, 2)

    def test_a_call_with_scores_and_one_without_are_not_mixed(self):
        books = tally()
        books.add(0, Slots(slots([0], scores=torch.ones(1, 4)), None, False))
        books.add(0, Slots(slots([1]), None, False))
        record = books.trace({}).records[0]
        assert (record.counts.tolist(), record.sample.chosen.tolist()) == ([[1, 1, 0, 0]], [[0]])

    def test_what_is_not_finite_is_left_out(self):
        inf, nan = float("inf"), float("nan")
        scores = torch.tensor([[0.0, -inf, 1.0, 2.0], [nan, 0.0, 0.0, 0.0], [inf, 0.0, 0.0, 0.0], [-inf] * 4])
        weights = torch.tensor([[1.0], [1.0], [1.0], [1.0], [nan]])
        books = tally()
        both = torch.cat([scores, torch.zeros(1, 4)])
        books.add(0, Slots(slots([0], [1], [2], [3], [0], scores=both, weights=weights), None, False))
        found = books.trace({})
        assert list(found.notes) == ["layers.2.mlp: 4 sampled tokens are left out: not finite"]
        sample = found.records[0].sample
        assert (sample.chosen.tolist(), sample.scores.tolist()) == ([[0]], scores[:1].tolist())
        books = tally()
        books.add(0, Slots(slots([0], weights=torch.tensor([[nan]])), None, False))
        found = books.trace({})
        assert (found.records[0].sample, len(found.notes)) == (None, 1)

    def test_notes_are_said_once(self):
        books = tally()
        for _ in range(2):
            books.add(0, Slots(slots([0]), None, True))
        assert list(books.trace({}).notes) == [
            "layers.2.mlp: the attention mask could not be matched with its tokens; padding was counted"
        ]

    def test_each_router_has_random_numbers_of_its_own(self):
        kept = []
        for seed in (0, 1):
            books = record(Model(layers=2), sample=3, seed=seed)._tally
            for number in (0, 1):
                books.add(
                    number, Slots(slots(*[[n % 4] for n in range(50)], weights=torch.arange(1.0, 51.0)), None, False)
                )
            kept += [record.sample.weights.flatten().tolist() for record in books.trace({})]
        assert len({*map(tuple, kept)}) == 4
        first = record(Model(layers=1), seed=0)._tally.books[0].keeper
        assert isinstance(first, Reservoir)
        assert first.random.random() == np.random.default_rng([0, 0]).random()

    def test_no_tokens_and_no_sample(self):
        books = tally()
        books.add(0, Slots(Dispatch(4, torch.zeros(0, 1).long(), torch.zeros(0, 1)), None, False))
        assert books.trace({}).records[0].sample is None
        books = tally(sample=0)
        books.add(0, Slots(slots([0]), None, False))
        assert books.trace({}).records[0].sample is None
