"""What a recording is made of, each piece by itself: places, slots, padding, sample, books, readers."""

# mypy: no-check-untyped-defs
# To mypy every attribute of a module is a tensor or a module.

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

import moecusp as mc
from moecusp.routing import Dispatch, ReinforcedRouter, load, reader, record
from moecusp.routing.adapters import READERS
from moecusp.routing.dispatch import Slots, counted
from moecusp.routing.hooks import forget_compiled
from moecusp.routing.padding import Frame, arguments_of, takes_tokens, valid
from moecusp.routing.reservoir import Reservoir
from moecusp.routing.sites import Place, called_with_choices, experts_of, places, score_indices
from moecusp.routing.tally import Tally
from moecusp.trace import UNROUTED
from tests.routing.own import Experts, Model

CODE = {kind: 4 + i for i, kind in enumerate(UNROUTED)}
MASK, TOKENS = torch.tensor([[0, 1, 1], [1, 1, 0]]), torch.zeros(2, 3).long()


class TestDispatch:
    def test_codes(self):
        """-1 is null, 4 and 5 are identity, later ids of other ranks; a weight of 0 means what it was said to."""
        ids, weights = torch.tensor([[0, 3], [-1, 4], [5, 6], [1, -2]]), torch.ones(4, 2)
        weights[0, 0] = weights[3, 0] = 0.0
        null, identity, sentinel = (CODE[kind] for kind in ("null", "identity", "sentinel"))
        for zero in ("null", "skipped"):
            found = Dispatch(4, ids, weights, beyond=2, zero=zero)
            assert found.codes().tolist() == [
                *([CODE[zero], 3], [null, identity], [identity, sentinel], [CODE[zero], null])
            ]
            assert (found.tokens, found.k, found.problem, int(found.crowded())) == (4, 2, "", 0)
        assert Dispatch(4, ids, weights).codes()[1].tolist() == [null, sentinel]
        assert Dispatch(4, ids.int(), weights.reshape(-1)).codes().dtype == torch.int64

    def test_masks(self):
        mask = torch.zeros(3, 2, 5)
        mask[0, 0, 3] = mask[0, 1, 4] = mask[1, 0, 0] = 2.0
        weights = torch.tensor([[1.0, 1.0], [0.0, 1.0], [1.0, 0.0]])
        found = Dispatch(4, mask.long(), weights, beyond=1)
        dropped = CODE["dropped"]
        assert found.codes().tolist() == [[3, CODE["identity"]], [CODE["null"], dropped], [dropped, dropped]]
        mask[2, 1, 1] = mask[2, 1, 2] = mask[1, 0, 4] = 1.0
        assert int(Dispatch(4, mask.long(), weights, beyond=1).crowded()) == 2

    def test_counts(self):
        codes = torch.tensor([[0, 3], [3, 4 + 2], [1, 1]])
        cells = [1, 2, 0, 2, *(0, 0, 1, 0, 0, 0), 3]
        assert counted(codes, None, 4).tolist() == cells
        assert counted(codes, torch.tensor([True, False, True]), 4).tolist() == [1, 2, 0, 1, *(0, 0, 0, 0, 0, 2), 2]
        assert counted(codes, None, 4).dtype == torch.int64


class Called(nn.Module):
    def forward(self, input_ids=None, attention_mask=None, inputs_embeds=None):
        raise NotImplementedError


class Stacks(nn.Module):
    def forward(self, input_ids, attention_mask=None, decoder_input_ids=None, decoder_attention_mask=None):
        raise NotImplementedError


class Plain(nn.Module):
    def forward(self, x, attention_mask=None):
        raise NotImplementedError


class TestPadding:
    def test_of_a_call(self):
        assert Frame.of(arguments_of(Called()), (TOKENS, MASK), {}) == Frame((2, 3), MASK)
        assert Frame.of(arguments_of(Called()), (TOKENS,), {"attention_mask": MASK}) == Frame((2, 3), MASK)
        assert Frame.of(arguments_of(Called()), (), {"inputs_embeds": torch.zeros(2, 3, 8)}) == Frame((2, 3), None)
        assert Frame.of(arguments_of(Called()), (torch.zeros(3).long(), MASK), {}) == Frame(None, MASK)
        assert Frame.of(arguments_of(Called()), ([[1, 2]],), {}) == Frame(None, None)
        assert Frame.of(arguments_of(Plain()), (TOKENS,), {"attention_mask": 3}) == Frame(None, 3)

    def test_of_two_stacks(self):
        later = torch.zeros(2, 7).long()
        found = Frame.of(
            arguments_of(Stacks()), (TOKENS, MASK), {"decoder_input_ids": later, "decoder_attention_mask": 5}
        )
        assert found == Frame((2, 3), MASK, Frame((2, 7), 5))
        assert Frame.of(arguments_of(Stacks()), (TOKENS,), {}) == Frame((2, 3), None, Frame(None, None))

    def test_which_tokens_count(self):
        frame = Frame((2, 3), MASK)
        kept = [False, True, True, True, True, False]
        assert frame.valid(6).tolist() == kept
        longer = torch.cat([torch.tensor([[7, 0], [0, 0]]), MASK], dim=1)
        assert Frame((2, 3), longer).valid(6).tolist() == kept
        for other in (
            *(Frame((2, 3), None), Frame((2, 3), [[1, 1, 1]] * 2), Frame((2, 3), MASK[None]), Frame(None, MASK)),
            *(Frame((2, 4), MASK), Frame((3, 2), MASK), Frame((6, 1), MASK), Frame((1, 6), MASK)),
        ):
            assert other.valid(6) is None
        assert frame.valid(5) is None

    def test_the_innermost_call_that_fits_decides(self):
        inner, outer = Frame((2, 3), MASK), Frame((2, 3), 1 - MASK)
        kept = [False, True, True, True, True, False]

        def of(frames, tokens=6, stack="decoder"):
            found, unread = valid(frames, tokens, stack)
            return (None if found is None else found.tolist()), unread

        assert of([outer, inner]) == (kept, False)
        assert of([inner, Frame((9, 9), 3)]) == (kept, False)
        assert of([Frame((2, 3), 3), Frame((2, 3), None)]) == (None, True)
        assert of([Frame((2, 3), None)]) == of([]) == (None, False)
        both = Frame((2, 3), 1 - MASK, inner)
        assert of([both]) == (kept, False)
        assert of([both], stack="encoder") == ([not each for each in kept], False)
        assert of([Frame((2, 3), MASK, Frame(None, None))]) == (None, False)

    def test_who_takes_tokens(self):
        assert [takes_tokens(each) for each in (Called(), Stacks(), Plain(), nn.ReLU())] == [True, True, False, False]
        odd = nn.ReLU()
        odd.forward = dict.fromkeys  # has no signature to read
        for wrong in (odd, SimpleNamespace(forward=3)):
            assert takes_tokens(wrong) is False
            assert called_with_choices(wrong) is False


class TestReservoir:
    def test_all_rows_until_it_is_full(self):
        kept = Reservoir(5, np.random.default_rng(0))
        kept.add(0, {"x": torch.arange(2.0), "y": torch.zeros(2, 3).half()})
        kept.add(3, {"x": torch.arange(2.0, 4.0), "y": torch.ones(2, 3).half()})
        kept.add(4, {"x": torch.zeros(0), "y": torch.zeros(0, 3).half()})
        assert (kept.seen, kept.batch.tolist(), kept.columns["x"].tolist()) == (4, [0, 0, 3, 3], [0.0, 1.0, 2.0, 3.0])
        assert (kept.columns["y"].shape, kept.columns["y"].dtype) == ((4, 3), torch.float16)
        kept.merge()
        assert kept.batch.tolist() == [0, 0, 1, 1]

    def test_afterwards_row_n_takes_a_place_of_n(self):
        """The places are those of its random numbers, the last row that takes one stays, and columns keep together."""
        size, groups = 4, (3, 5, 1, 40)
        kept, same = Reservoir(size, np.random.default_rng(7)), np.random.default_rng(7)
        wanted, batches, seen = [0] * size, [0] * size, 0
        for batch, count in enumerate(groups):
            kept.add(batch, {"x": torch.arange(seen, seen + count), "z": -torch.arange(seen, seen + count)})
            late = [row for row in range(seen, seen + count) if row >= size]
            for row in range(seen, min(seen + count, size)):
                wanted[row], batches[row] = row, batch
            for row, number in zip(late, same.random(len(late)), strict=True):
                place = int(number * (row + 1))
                if place < size:
                    wanted[place], batches[place] = row, batch
            seen += count
            held = min(seen, size)
            assert kept.columns["x"].tolist() == wanted[:held]
            assert kept.columns["z"].tolist() == [-x for x in wanted[:held]]
            assert kept.batch.tolist() == batches[:held]
        assert kept.seen == sum(groups)


class Many(Experts):
    def __init__(self, **attributes):
        super().__init__()
        del self.num_experts
        for name, value in attributes.items():
            setattr(self, name, value)


class Named(nn.Module):
    def forward(self, hidden_states, router_mask, weights, more=None):
        raise NotImplementedError


def place(name, module=None):
    return Place(name, module or Experts(), None)


class TestPlaces:
    @pytest.mark.parametrize(
        ("name", "layer", "role", "stack"),
        [
            ("layers.3.mlp.experts", 3, "mlp", "decoder"),
            ("encoder.block.12.layer.1.attn.experts", 12, "attention", "encoder"),
            ("decoder.a7.self_attention.5.experts", 5, "attention", "decoder"),
            ("experts", 0, "mlp", "decoder"),
            ("pre_encoder.2", 2, "mlp", "decoder"),
        ],
    )
    def test_what_a_name_says(self, name, layer, role, stack):
        found = place(name)
        assert (found.layer, found.role, found.stack) == (layer, role, stack)

    def test_what_experts_are_called_with(self):
        ids, weights, scores = torch.zeros(1, 2).long(), torch.ones(1, 2), torch.ones(1, 4)
        for arguments, named in (((0, ids, weights), {}), ((0,), {"top_k_weights": weights, "top_k_index": ids})):
            found = place("a").dispatch(arguments, named, scores)
            assert (found.ids, found.weights, found.scores) == (ids, weights, scores)
            assert (found.experts, found.beyond, found.zero) == (4, 0, "null")
        zaya = type("ZayaExperts", (Many,), {})(num_experts=3, zero_expert_num=2)
        found = place("a", zaya).dispatch((0, ids, weights), {}, None)
        assert (found.experts, found.beyond, found.zero, found.scores) == (3, 2, "skipped", None)

    @pytest.mark.parametrize(
        ("attributes", "numbers"),
        [
            ({"num_experts": 5}, (5, 0)),
            ({"num_routed_experts": 6, "num_experts": 8}, (6, 0)),
            ({"n_routed_experts": 7}, (7, 0)),
            ({"num_local_experts": 9, "zero_expert_num": 2}, (9, 2)),
            ({"num_experts": 5, "zero_expert_num": None}, (5, 0)),
            ({"num_experts": "many", "a": nn.ReLU(), "b": nn.ReLU()}, (2, 0)),
            ({"a": nn.ReLU(), "b": nn.ReLU(), "c": nn.ReLU()}, (3, 0)),
        ],
    )
    def test_how_many_experts(self, attributes, numbers):
        assert experts_of(Many(**attributes)) == numbers

    def test_one_child_alone_is_no_experts(self):
        with pytest.raises(mc.ParameterError, match="num_experts"):
            experts_of(Many(a=nn.ReLU()))

    def test_who_is_called_with_choices(self):
        assert [called_with_choices(each) for each in (Experts(), Named(), Plain(), nn.Linear(1, 1), Called())] == [
            *(True, True, False, False, False)
        ]
        for name in ("top_k_index", "router_indices", "selected_experts", "router_mask", "ids"):
            made = SimpleNamespace(forward=eval(f"lambda hidden, {name}, weights: 0"))
            assert called_with_choices(made) is (name != "ids")
        assert called_with_choices(SimpleNamespace(forward=lambda hidden, top_k_index: 0)) is False

    def test_what_transformers_says_of_its_routers(self):
        class Gate:
            pass

        class Router:
            pass

        records = [SimpleNamespace(target_class=Gate, index=1), SimpleNamespace(target_class=None, index=0)]
        model = nn.Sequential(nn.ReLU(), nn.ReLU(), nn.ReLU(), nn.ReLU())
        model._can_record_outputs = {"router_logits": records, "hidden_states": [3]}
        model[0]._can_record_outputs = {"router_logits": SimpleNamespace(target_class=Router, index=2)}
        model[1]._can_record_outputs = None
        model[2]._can_record_outputs = ["router_logits"]
        model[3]._can_record_outputs = {"attentions": records}
        assert score_indices(model) == {"Gate": 1, "Router": 2}

    def test_router_and_bias_of_a_block(self):
        model = Model(layers=2)
        model.layers[1].gate.register_buffer("e_score_correction_bias", torch.zeros(()))  # no vector, so no bias
        model.layers[1].named = nn.ModuleDict({"router": nn.Linear(8, 4)})
        model.layers[1].register_parameter("expert_bias", nn.Parameter(torch.ones(4)))
        first, second = places(model, {})
        assert (first.name, first.module, first.reader) == ("layers.0.experts", model.layers[0].experts, None)
        assert (first.router, first.index) == (model.layers[0].gate, None)
        assert first.bias is model.layers[0].gate.e_score_correction_bias
        assert second.bias is model.layers[1].expert_bias
        assert [each.name for each in places(model, {}, r"\.1\.")] == ["layers.1.experts"]

    def test_a_declared_router_before_one_that_is_named_so(self):
        model = Model(layers=1)
        model.layers[0].scorer = nn.Linear(8, 4)
        model._can_record_outputs = {"router_logits": SimpleNamespace(target_class=nn.Linear, index=3)}
        model.layers[0].gate = nn.ReLU()
        (found,) = places(model, {})
        assert (found.router, found.index) == (model.layers[0].scorer, 3)
        del model.layers[0].scorer
        (found,) = places(model, {})
        assert (found.router, found.index) == (model.layers[0].gate, None)
        del model.layers[0].gate
        model.layers[0].router = nn.Tanh()
        assert places(model, {})[0].router is model.layers[0].router
        del model.layers[0].router
        assert places(model, {})[0].router is None

    def test_a_model_that_is_experts_itself(self):
        (found,) = places(Experts(), {})
        assert (found.name, found.router, found.bias) == ("Experts", None, None)

    def test_a_reader_is_for_a_class_and_those_derived_from_it(self):
        def read(module, output):
            raise NotImplementedError

        class Base(nn.Module):
            pass

        model = nn.ModuleDict({"block": nn.ModuleDict({"it": type("Derived", (Base,), {})(), "gate": nn.ReLU()})})
        model["block"].register_buffer("balancing_biases", torch.zeros(2))
        (found,) = places(model, {"Base": read})
        assert (found.name, found.module, found.reader) == ("block.it", model["block"]["it"], read)
        assert (found.router, found.index) == (None, None)
        assert found.bias is model["block"].balancing_biases

    def test_what_looks_like_a_router_must_belong_to_a_place(self):
        """Beside a place, or around one; the same name in another block is refused."""
        model = Model(layers=1)
        model.layers[0].shared = nn.ModuleDict({"experts": nn.ReLU()})
        with pytest.raises(mc.ParameterError, match=r"layers\.0\.shared\.experts \(ReLU\)"):
            places(model, {})
        model = nn.ModuleDict({"experts": nn.ModuleDict({"inner": Experts()}), "a": nn.ReLU()})
        assert [each.name for each in places(model, {})] == ["experts.inner"]
        block = nn.ModuleDict({"gate": nn.Linear(2, 2), "ab": Experts()})
        model = nn.ModuleDict({"a": block, "ab": nn.ModuleDict({"gate": nn.Linear(2, 2)})})
        model._can_record_outputs = {"router_logits": SimpleNamespace(target_class=nn.Linear, index=0)}
        with pytest.raises(mc.ParameterError, match=r"ab\.gate \(Linear\)"):
            places(model, {})


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


class TestReaders:
    def test_a_reader_is_entered_by_the_name_of_its_class(self, monkeypatch):
        monkeypatch.setattr("moecusp.routing.adapters.READERS", {})

        @reader("Its")
        def read(module, output):
            raise NotImplementedError

        from moecusp.routing import adapters

        assert adapters.READERS == {"Its": read}
        assert set(READERS) == {"Llama4Router", "JetMoeTopKGating", "DogeCDMoE"}

    def test_llama4(self):
        weights, logits = torch.tensor([[0.0, 0.7, 0.2, 0.0], [0.9, 0.0, 0.0, 0.1]]), torch.ones(2, 4)
        found = READERS["Llama4Router"](SimpleNamespace(num_experts=4, top_k=2), (weights, logits))
        assert (found.experts, found.ids.tolist(), found.scores) == (4, [[1, 2], [0, 3]], logits)
        np.testing.assert_array_equal(found.weights, np.float32([[0.7, 0.2], [0.9, 0.1]]))

    def test_jetmoe(self):
        """Slots 2, 0 are of expert 0, slot 3 is of expert 1 and slot 1 of expert 3."""
        output = torch.tensor([2, 0, 3, 1]), None, torch.tensor([0.1, 0.2, 0.3, 0.4]), [2, 1, 0, 1], torch.ones(2, 4)
        found = READERS["JetMoeTopKGating"](SimpleNamespace(num_experts=4, top_k=2), output)
        assert (found.experts, found.ids.tolist(), found.scores) == (4, [[0, 3], [0, 1]], output[4])
        np.testing.assert_array_equal(found.weights, np.float32([[0.2, 0.4], [0.1, 0.3]]))

    def test_doge(self):
        """Expert (x, y) is number 2 x + y and has the score of row x plus that of column y; the fifth has no key."""
        keys = torch.tensor([[[1.0, 0.0], [0.0, 3.0]], [[0.25, 0.0], [2.0, 0.0]]])  # rows and columns of two tokens
        module = SimpleNamespace(num_keys=2, top_k=2, num_experts=5)
        found = READERS["DogeCDMoE"](module, (None, keys))
        sums = [[1.25, 1.0, 0.25, 0.0], [2.0, 0.0, 5.0, 3.0]]
        assert found.scores.tolist() == [[*row, float("-inf")] for row in sums]
        assert (found.experts, found.ids.tolist()) == (5, [[0, 1], [2, 3]])
        for row, weights in zip(([1.25, 1.0], [5.0, 3.0]), found.weights, strict=True):
            np.testing.assert_allclose(weights, np.exp(row) / np.exp(row).sum(), rtol=1e-6)


class Scoring(nn.Module):
    """A gate whose output is given, beside experts."""

    def __init__(self, output, declared=None):
        super().__init__()
        self.gate, self.experts, self.output = nn.Identity(), Experts(), output
        if declared is not None:
            self._can_record_outputs = {"router_logits": SimpleNamespace(target_class=nn.Identity, index=declared)}

    def forward(self, ids):
        self.gate(self.output)
        return self.experts(torch.ones(len(ids), 8), ids, torch.ones(ids.shape))


class TestScores:
    """Which part of a router's output is taken for its scores."""

    @pytest.mark.parametrize(
        ("output", "declared", "taken"),
        [
            (torch.ones(3, 4), None, True),
            (torch.ones(1, 3, 4), None, True),
            ((torch.ones(3, 4), 0), None, True),
            ([torch.ones(3, 4)], 0, True),
            ((0, torch.ones(3, 4)), 1, True),
            ((0, torch.ones(3, 4)), None, False),
            ((torch.ones(3, 4),), 1, False),
            (torch.ones(3, 4).long(), None, False),
            ((), None, False),
        ],
    )
    def test_by_what_it_returns(self, output, declared, taken):
        with record(model := Scoring(output, declared)) as recorder:
            model(torch.tensor([[0], [1], [2]]))
        sample = recorder.trace().records[0].sample
        assert (sample.scores is not None) is taken

    def test_source(self):
        model = Scoring(torch.ones(1, 4))
        for config, kind in ((None, None), (SimpleNamespace(), None), (SimpleNamespace(model_type="mixed"), "mixed")):
            model.config = config
            with record(model) as recorder:
                model(torch.tensor([[0]]))
            source = {"model": "Scoring", "torch": torch.__version__}
            assert dict(recorder.trace().source) == (source if kind is None else {**source, "model_type": kind})

    def test_compiled_code_is_forgotten_only_where_there_is_some(self, monkeypatch):
        resets = []
        monkeypatch.setattr(torch._dynamo, "reset", lambda: resets.append(0))
        model = nn.Sequential(nn.ReLU())
        forget_compiled(model)
        assert resets == []
        model[0]._orig_mod = 0
        forget_compiled(model)
        del model[0]._orig_mod
        model[0]._compiled_call_impl = print
        forget_compiled(model)
        assert len(resets) == 2


class TestRouter:
    """Of `ReinforcedRouter` what words and runs say nothing of."""

    def test_in_words(self):
        made = ReinforcedRouter(mc.RouterParameters([1.0, 2.0], experts=3), increment=0.25, selection="hard")
        assert made.extra_repr() == "experts=3, selection='hard', increment=0.25, shape=(2,)"
        plain = ReinforcedRouter(mc.RouterParameters(1.0), increment=0.1)
        assert plain.extra_repr() == "experts=2, selection='soft', increment=0.1, shape=()"

    def test_state(self):
        parameters = mc.RouterParameters([1.0, 2.0], 0.5, 1.5, [0.0, -0.25], 3)
        made = ReinforcedRouter(parameters, increment=0.25, dtype=torch.float64)
        assert {name: value.tolist() for name, value in made.named_buffers()} == {
            "feedback": [1.0, 2.0], "decay": [0.5, 0.5], "inverse_temperature": [1.5, 1.5],
            "drive": [[0.0, 0.0, 0.0], [-0.25, 0.0, 0.0]], "scores": [[0.0] * 3] * 2,
        }  # fmt: skip
        assert {value.dtype for value in made.buffers()} == {torch.float64}
        assert {value.dtype for value in ReinforcedRouter(parameters, increment=0.25).buffers()} == {torch.float32}

    def test_all_of_the_state_is_on_the_device(self):
        made = ReinforcedRouter(mc.RouterParameters([1.0, 2.0], 0.5, 1.5, 0.25), increment=0.25, device="meta")
        assert {name: value.device.type for name, value in made.named_buffers()} == dict.fromkeys(
            ("feedback", "decay", "inverse_temperature", "drive", "scores"), "meta"
        )

    def test_one_step_of_many(self):
        parameters = mc.RouterParameters([1.0, 2.0], [0.5, 1.0], 1.5, [0.0, -0.25], 3)
        made = ReinforcedRouter(parameters, increment=0.25, dtype=torch.float64)
        made.scores.copy_(torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]))
        made.reinforce(torch.tensor([[0.5, 0.5, 0.0], [0.0, 0.25, 0.75]], dtype=torch.float64))
        assert made.scores.tolist() == [
            [1.0 + 0.25 * (0.5 - 0.5), 2.0 + 0.25 * (0.5 - 1.0), 3.0 - 0.25 * 1.5],
            [4.0 + 0.25 * (-4.0 - 0.25), 5.0 + 0.25 * (0.5 - 5.0), 6.0 + 0.25 * (1.5 - 6.0)],
        ]

    def test_edges_of_the_increment(self):
        slowest = 2.0**-15
        assert ReinforcedRouter(mc.RouterParameters(1.0), increment=slowest).increment == slowest
        tiny = ReinforcedRouter(mc.RouterParameters(1.0), increment=slowest / 2, dtype=torch.float64)
        assert tiny.scores.dtype == torch.float64
        for decays in ([1.0, 4.0], [4.0, 1.0]):  # of several routers one is enough
            with pytest.raises(mc.ParameterError, match="overshoots"):
                ReinforcedRouter(mc.RouterParameters(1.0, decays), increment=0.5)
            with pytest.raises(mc.ParameterError, match="rounds smaller"):
                ReinforcedRouter(mc.RouterParameters(1.0, decays), increment=slowest / 2)

    @pytest.mark.parametrize("number", [0.0, 0.2, 0.4999, 0.5001, 0.9999])
    def test_soft_selection_by_its_number(self, monkeypatch, number):
        """The first expert whose cumulated probability exceeds it, at inverse temperature 2, of logit plus score."""
        made = ReinforcedRouter(
            mc.RouterParameters(1.0, 1.0, 2.0, experts=3), increment=0.1, dtype=torch.float64
        ).eval()
        made.scores.copy_(torch.tensor([0.3, -0.1, 0.0]))
        monkeypatch.setattr(torch, "rand", lambda shape, **_: torch.full(shape, number, dtype=torch.float64))
        logits = torch.tensor([[0.1, 0.2, 0.3], [0.0, -float("inf"), 0.5], [float("inf"), 0.0, float("inf")]])
        for row, chosen in zip(logits, made(logits), strict=True):
            total = (row.double() + made.scores).numpy()
            weights = np.isinf(total) * 1.0 if np.inf in total else np.exp(2.0 * total)
            edges = np.cumsum(weights / weights.sum())
            assert int(chosen) == int(np.argmax(edges > number))

    def test_shares_of_those_that_chose(self):
        chosen = torch.tensor([[0, 2, -1, 2], [-1, -1, -1, -1]])
        found = load(chosen, 3)
        assert (found[0].tolist(), found.dtype) == ([1 / 3, 0.0, 2 / 3], torch.float64)
        assert bool(found[1].isnan().all())

    def test_ties_take_the_largest_lot(self, monkeypatch):
        made = ReinforcedRouter(mc.RouterParameters(1.0, experts=3), increment=0.1, selection="hard").eval()
        lots = torch.tensor([[0.9, 0.2, 0.3], [0.9, 0.2, 0.3], [0.0, 0.0, 0.0]])
        monkeypatch.setattr(torch, "rand", lambda shape, **_: lots)
        assert made(torch.tensor([[0.0, 1.0, 1.0], [1.0, 0.0, 1.0], [0.0, 0.0, 1.0]])).tolist() == [2, 0, 2]
