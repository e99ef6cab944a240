"""Traces: the books balance, parts add up, and what does not fit is refused."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given

import moecusp as mc
import moecusp.trace.archive
from moecusp.trace import UNROUTED, RoutingTrace, Sample
from tests.examples import examples
from tests.traces import record, site, traces


class TestSite:
    @pytest.mark.parametrize(
        ("changes", "named"),
        [
            ({"name": ""}, "name"),
            ({"name": "a\x1b[2Jb"}, "name"),  # would rule the terminal that prints it
            ({"name": "a" * 501}, "name"),
            ({"name": 3}, "name"),
            ({"layer": -1}, "layer"),
            ({"layer": "10"}, "layer"),
            ({"experts": 0}, "experts"),
            ({"experts": 2**16 + 1}, "experts"),
            ({"experts": True}, "experts"),
            ({"k": 0}, "k"),
            ({"k": 2.0}, "k"),
            ({"role": "norm"}, "role"),
            ({"stack": ""}, "stack"),
            ({"layout": None}, "layout"),
        ],
    )
    def test_refuses(self, changes, named):
        with pytest.raises(mc.ParameterError) as caught:
            site(**changes)
        assert caught.value.name == named


class TestSiteTrace:
    def test_keeps_read_only_arrays_of_its_own(self):
        counts = np.array([[4, 3, 3], [2, 5, 0]], np.uint8)
        mine = record(counts=counts)
        counts[0, 0] = 9
        assert mine.counts.tolist() == [[4, 3, 3], [2, 5, 0]]
        assert mine.counts.dtype == np.int64
        for array in (mine.counts, mine.tokens, *mine.unrouted.values()):
            with pytest.raises(ValueError, match="read-only"):
                array[0] = 1

    def test_what_it_says(self):
        mine = record()
        assert (mine.batches, mine.routed.tolist()) == (2, [10, 7])
        assert mine.slots("dropped", "padded").tolist() == [0, 5]
        assert mine.unrouted["sentinel"].tolist() == [0, 0]

    @pytest.mark.parametrize(
        ("changes", "named"),
        [
            ({"counts": [[4, 3, 3], [2, 5, 1]]}, "mlp: counts[1]"),  # one slot too many
            ({"counts": [[4, 3, 3], [2, 4, 0]]}, "mlp: counts[1]"),
            ({"unrouted": {"padded": [0, 4]}}, "mlp: counts[1]"),  # padding is no excuse
            ({"counts": [[4, 3, 3], [2, -5, 0]]}, "counts[1, 1]"),
            ({"counts": [[4, 3, 3], [2, 2**46 + 1, 0]]}, "counts[1, 1]"),
            ({"counts": [[4.0, 3, 3], [2, 5, 0]]}, "counts.dtype"),
            ({"counts": [[4, 3, 3], [2, 5]]}, "counts"),
            ({"counts": [[4, 3], [2, 5]]}, "counts.shape"),
            ({"counts": np.zeros((0, 3), int)}, "counts.shape"),
            ({"tokens": [5]}, "tokens.shape"),
            ({"tokens": [True, True]}, "tokens.dtype"),
            ({"unrouted": {"lost": [0, 1]}}, "unrouted"),
            ({"unrouted": [0, 1]}, "unrouted"),
            ({"unrouted": {"dropped": [0, -1]}}, "unrouted['dropped'][1]"),
            ({"bias": np.zeros((2, 2))}, "bias.shape"),
            ({"bias": np.full((2, 3), np.nan)}, "bias[0, 0]"),
            ({"steps": [2, 1]}, "steps"),
            ({"site": "mlp"}, "site"),
            ({"sample": [[0, 1]]}, "sample"),
        ],
    )
    def test_refuses(self, changes, named):
        with pytest.raises(mc.ParameterError) as caught:
            record(**changes)
        assert caught.value.name.startswith(named)

    def test_other_layouts_have_other_books(self):
        fewer = {"counts": [[4, 3, 2], [2, 5, 0]]}
        assert record(site=site(layout="at_most"), **fewer).routed.tolist() == [9, 7]
        with pytest.raises(mc.ParameterError, match="at most tokens times k"):
            record(site=site(layout="at_most"), counts=[[4, 3, 4], [2, 5, 0]])
        assert record(site=site(layout="free"), counts=[[5, 5, 5], [0, 0, 4]]).routed.tolist() == [15, 4]
        with pytest.raises(mc.ParameterError, match="more than all tokens"):
            record(site=site(layout="free"), counts=[[5, 5, 5], [0, 0, 5]])

    @pytest.mark.parametrize(
        ("sample", "named"),
        [
            (Sample([[0, 1]], batch=[2]), "sample.batch"),
            (Sample([[0, 3]]), "sample.chosen"),
            (Sample([[0, 1, 2]]), "sample (k, experts)"),
            (Sample([[0, 1]], scores=[[0.0, 1.0]], kind="raw"), "sample (k, experts)"),
            (Sample([[-1, -1]] * 6), "sample tokens"),
            (Sample([[2, 0]], batch=[1]), "sample.chosen"),  # expert 2 got nothing in batch 1
        ],
    )
    def test_no_sample_holds_more_than_was_counted(self, sample, named):
        with pytest.raises(mc.ParameterError) as caught:
            record(sample=sample)
        assert caught.value.name == named

    def test_padding_in_a_sample_counts_nowhere(self):
        kept = Sample([[2, 2], [0, 1]], mask=[False, True], batch=[1, 1])
        assert record(sample=kept).sample.counts(2, 3).tolist() == [[0, 0, 0], [1, 1, 0]]

    def test_equality_sees_everything(self):
        full = record(bias=np.zeros((2, 3)), steps=[0, 1], sample=Sample([[0, 1]], weights=[[0.5, 0.5]]))
        assert full == replace(full)
        changes = [
            {"site": site(layer=1)},
            {"counts": [[3, 4, 3], [2, 5, 0]]},
            {"unrouted": {"skipped": [0, 1], "padded": [0, 4]}},
            {"bias": None},
            {"bias": np.zeros((2, 3), np.float32)},
            {"steps": [0, 2]},
            {"sample": None},
            {"sample": Sample([[0, 1]], weights=[[0.5, 0.4]])},
            {"sample": Sample([[0, 1]])},
        ]
        assert [change for change in changes if replace(full, **change) == full] == []
        assert full != "full"


class TestSample:
    @pytest.mark.parametrize(
        ("arguments", "named"),
        [
            ({"chosen": [0, 1]}, "chosen.shape"),
            ({"chosen": np.zeros((0, 2), int)}, "chosen.shape"),
            ({"chosen": [[0, -2]]}, "chosen[0, 1]"),
            ({"weights": [[1.0]]}, "weights.shape"),
            ({"weights": [[1.0, np.inf]]}, "weights[0, 1]"),
            ({"weights": [[1.0, 0.0]]}, "chosen[0, 1]"),  # a weight of 0 runs no expert
            ({"scores": [[0.5, 0.5]]}, "kind"),
            ({"kind": "raw"}, "kind"),
            ({"scores": [[0.5, 0.5]], "kind": "logits"}, "kind"),
            ({"scores": [[2, 3]], "kind": "raw"}, "scores.dtype"),
            ({"scores": [[0.5, np.nan]], "kind": "raw"}, "scores[0, 1]"),
            ({"scores": [[0.5, np.inf]], "kind": "raw"}, "scores[0, 1]"),
            ({"scores": [[-np.inf, -np.inf]], "kind": "raw"}, "scores[0]"),
            ({"scores": [[0.5, 0.4]], "kind": "probability"}, "scores[0]"),
            ({"scores": [[1.5, -0.5]], "kind": "probability"}, "scores[0]"),
            ({"scores": [[0.5, 0.5]] * 2, "kind": "raw"}, "scores.shape"),
            ({"mask": [1]}, "mask.dtype"),
            ({"batch": [-1]}, "batch[0]"),
        ],
    )
    def test_refuses(self, arguments, named):
        with pytest.raises(mc.ParameterError) as caught:
            Sample(**{"chosen": [[0, 1]], **arguments})
        assert caught.value.name == named

    def test_ruled_out_experts_and_padding(self):
        Sample([[0, 1]], scores=[[0.5, -np.inf]], kind="raw")
        Sample([[0, 1]], weights=[[0.0, 0.0]], scores=[[0.0, 0.0]], kind="probability", mask=[False])


class TestRoutingTrace:
    def test_layers_are_ordered_as_numbers_and_encoders_first(self):
        places = [("d10", 10, "decoder"), ("d9", 9, "decoder"), ("e11", 11, "encoder"), ("e2", 2, "encoder")]
        found = RoutingTrace([record(site=site(name=n, layer=i, stack=s)) for n, i, s in places])
        assert [r.site.name for r in found] == ["e2", "e11", "d9", "d10"]
        assert found["d9"].site.layer == 9
        with pytest.raises(mc.ParameterError, match="d11"):
            found["d11"]

    @pytest.mark.parametrize(
        "arguments",
        [
            {"records": []},
            {"records": [1]},
            {"records": None},
            {"records": [record(), record()]},
            {"source": {"model": 3}},
            {"source": {"": "x"}},
            {"source": "x"},
            {"notes": "x"},
            {"notes": ["\n"]},
        ],
    )
    def test_refuses(self, arguments):
        with pytest.raises(mc.ParameterError):
            RoutingTrace(**{"records": [record()], **arguments})

    @given(traces())
    @examples(50)
    def test_ranks_add_up_and_batches_follow(self, trace):
        twice = RoutingTrace.sum([trace, trace, trace])
        longer = RoutingTrace.concatenate([trace]) if any(r.steps is not None for r in trace) else None
        longer = longer or RoutingTrace.concatenate([trace, trace])
        for one, added, after in zip(trace, twice, longer, strict=True):
            assert np.array_equal(added.counts, 3 * one.counts)
            assert np.array_equal(added.tokens, 3 * one.tokens)
            assert all(np.array_equal(added.unrouted[name], 3 * one.unrouted[name]) for name in UNROUTED)
            assert np.array_equal(after.counts[: one.batches], one.counts)
            assert np.array_equal(after.counts[-one.batches :], one.counts)
            if one.sample is not None:
                assert after.sample is not None
                assert added.sample is not None
                kept = after.sample.counts(after.batches, one.site.experts)
                assert np.array_equal(kept[-one.batches :], one.sample.counts(one.batches, one.site.experts))
                assert added.sample.tokens == 3 * one.sample.tokens
        assert twice.source == trace.source
        assert twice.notes == tuple(dict.fromkeys(trace.notes))

    def test_expert_parallel_ranks_are_one_dispatch(self):
        """Each rank sees all tokens and calls the other ranks' experts sentinels; a dropped slot is dropped on all."""
        whole = record(unrouted={"dropped": [0, 1]})
        ranks = []
        for expert in range(3):
            counts = np.where(np.arange(3) == expert, whole.counts, 0)
            others = whole.routed - counts.sum(axis=1)
            ranks.append(RoutingTrace([record(counts=counts, unrouted={"dropped": [0, 1], "sentinel": others})]))
        assert RoutingTrace.sum(ranks, over="experts") == RoutingTrace([whole])
        part = RoutingTrace.sum(ranks[:2], over="experts")["mlp"]
        assert part.unrouted["sentinel"].tolist() == whole.counts[:, 2].tolist()  # a rank is missing
        with pytest.raises(mc.ParameterError, match="sentinel"):
            RoutingTrace.sum([ranks[0], RoutingTrace([whole])], over="experts")  # both ran expert 0
        other = RoutingTrace([record(counts=[[0, 0, 0], [0, 0, 0]], unrouted={"sentinel": [10, 8]})])
        with pytest.raises(mc.ParameterError, match="dropped"):
            RoutingTrace.sum([ranks[0], other], over="experts")

    def test_refuses_parts_that_do_not_fit(self):
        mine = RoutingTrace([record(steps=[5, 6], bias=np.zeros((2, 3)))])
        for other in (
            record(steps=[5, 7], bias=np.zeros((2, 3))),
            record(steps=[5, 6], bias=np.ones((2, 3))),
            record(),
            record(site=site(experts=4), counts=[[4, 3, 3, 0], [2, 5, 0, 0]]),
            record(counts=[[4, 3, 3]], tokens=[5], unrouted={}, steps=[5], bias=np.zeros((1, 3))),
        ):
            with pytest.raises(mc.ParameterError):
                RoutingTrace.sum([mine, RoutingTrace([other])])
        for parts in ([], [mine, record()], [mine, RoutingTrace([record()])], [mine, mine]):
            with pytest.raises(mc.ParameterError):
                RoutingTrace.concatenate(parts)
        with pytest.raises(mc.ParameterError, match="over"):
            RoutingTrace.sum([mine], over="batches")
        pair = [RoutingTrace([record(sample=Sample([[0, 1]], weights=w))]) for w in (None, [[0.5, 0.5]])]
        with pytest.raises(mc.ParameterError, match="sample"):
            RoutingTrace.sum(pair)

    def test_source_is_what_all_agree_on(self):
        parts = [RoutingTrace([record()], {"model": "a", "rank": str(i)}, ["slow", f"rank {i}"]) for i in range(2)]
        whole = RoutingTrace.sum(parts)
        assert (dict(whole.source), whole.notes) == ({"model": "a"}, ("slow", "rank 0", "rank 1"))
