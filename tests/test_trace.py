"""Traces: the books balance, files come back as they went, and a hostile file is refused before it costs anything."""

import io
import json
import os
import pickle
import struct
import sys
import tempfile
import tracemalloc
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
import safetensors.numpy
from hypothesis import given
from hypothesis import strategies as st

import moecusp as mc
import moecusp.trace.archive
from moecusp.trace import (
    LAYOUTS,
    ROLES,
    STACKS,
    UNROUTED,
    RoutingTrace,
    Sample,
    Site,
    SiteTrace,
    TraceFileError,
    load,
    save,
)
from moecusp.trace.parquet import load_counts, save_counts
from tests.examples import examples

NAMES = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=20)
SUFFIXES = (".npz", ".safetensors")


def site(**changes):
    return replace(Site("mlp", 0, experts=3, k=2), **changes)


def record(**changes):
    """Three experts, two slots: five tokens, then four of which one slot was dropped; two tokens of padding."""
    usual = {
        "site": site(),
        "counts": [[4, 3, 3], [2, 5, 0]],
        "tokens": [5, 4],
        "unrouted": {"dropped": [0, 1], "padded": [0, 4]},
    }
    return SiteTrace(**{**usual, **changes})


@st.composite
def samples(draw, site, batches):
    tokens = draw(st.integers(1, 12))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    chosen = random.integers(-1, site.experts, (tokens, site.k))
    weights = np.array(random.uniform(0.1, 1, chosen.shape) * (chosen >= 0)).astype(
        np.dtype(draw(st.sampled_from("efd")))
    )
    kind = draw(st.sampled_from((None, "raw", "probability")))
    scores = np.asarray(random.normal(size=(tokens, site.experts))).astype(np.dtype(draw(st.sampled_from("efd"))))
    if kind == "probability":
        scores = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    return Sample(
        chosen,
        weights=draw(st.sampled_from((None, weights))),
        scores=None if kind is None else scores,
        kind=kind,
        mask=draw(st.sampled_from((None, random.uniform(size=tokens) < 0.7))),
        batch=random.integers(0, batches, tokens),
    )


@st.composite
def records(draw, site, batches):
    """A record whose books balance by construction: the sample's tokens, and others that go to random experts."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    sample = draw(st.none() | samples(site, batches))
    tokens = random.integers(0, 30, batches)
    routed = np.zeros((batches, site.experts), int)
    unrouted = {name: np.zeros(batches, int) for name in UNROUTED}
    unrouted["padded"] = random.integers(0, 3, batches) * site.k
    for batch in range(batches):
        slots = random.integers(0, site.experts + 5, tokens[batch] * site.k)
        filled = np.bincount(slots, minlength=site.experts + 5)
        routed[batch] = filled[: site.experts]
        for name, count in zip(UNROUTED, filled[site.experts :], strict=False):
            unrouted[name][batch] = count
    if sample is not None:
        routed += sample.counts(batches, site.experts)
        tokens = tokens + np.bincount(sample.batch[sample.mask], minlength=batches)
        gone = np.bincount(sample.batch[sample.mask], ((sample.chosen < 0).sum(axis=1))[sample.mask], batches)
        unrouted["null"] += gone.astype(int)
    return SiteTrace(
        site,
        routed,
        tokens,
        unrouted,
        bias=random.standard_normal(routed.shape, np.float32) if draw(st.booleans()) else None,
        steps=np.sort(random.integers(0, 100, batches)) if draw(st.booleans()) else None,
        sample=sample,
    )


@st.composite
def traces(draw):
    names = draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))
    batches = draw(st.integers(1, 4))
    found = []
    for name in names:
        place = Site(
            name,
            draw(st.integers(0, 100)),
            experts=draw(st.integers(1, 6)),
            k=draw(st.integers(1, 3)),
            role=draw(st.sampled_from(ROLES)),
            stack=draw(st.sampled_from(STACKS)),
            layout=draw(st.sampled_from(LAYOUTS[:2])),
        )
        found.append(draw(records(place, batches)))
    return RoutingTrace(found, draw(st.dictionaries(NAMES, NAMES, max_size=2)), draw(st.lists(NAMES, max_size=2)))


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


class TestFiles:
    @pytest.mark.parametrize("suffix", SUFFIXES)
    @given(trace=traces())
    @examples(60)
    def test_come_back_as_they_went(self, suffix, trace):
        with tempfile.TemporaryDirectory() as folder:
            path = save(trace, f"{folder}/trace{suffix}")
            again = load(path)
            assert again == trace
            assert os.listdir(folder) == [path.name]
            assert all(not array.flags.writeable for r in again if r.sample for array in r.sample.arrays().values())

    @given(trace=traces())
    @examples(60)
    def test_counts_come_back_from_parquet(self, trace):
        with tempfile.TemporaryDirectory() as folder:
            assert load_counts(save_counts(trace, f"{folder}/t.parquet")) == trace.without_samples()

    def test_parquet_is_a_table_for_others(self, tmp_path):
        rows = pyarrow.parquet.read_table(save_counts(RoutingTrace([record()]), tmp_path / "t.parquet")).to_pylist()
        assert len(rows) == 2 * (3 + len(UNROUTED))
        usual = {"site": "mlp", "layer": 0, "batch": 1, "step": None, "tokens": 4, "bias": None}
        assert {**usual, "slot": "expert", "expert": 1, "count": 5} in rows
        assert {**usual, "slot": "dropped", "expert": None, "count": 1} in rows

    def test_npz_is_what_numpy_reads(self, tmp_path):
        with np.load(save(RoutingTrace([record()]), tmp_path / "t.npz")) as archive:
            assert archive["0/counts"].tolist() == [[4, 3, 3], [2, 5, 0]]
            assert json.loads(archive["header"].tobytes())["version"] == 1

    @pytest.mark.parametrize("suffix", [*SUFFIXES, ".parquet"])
    def test_same_content_same_bytes_and_nothing_half_written(self, suffix, tmp_path, monkeypatch):
        write = save_counts if suffix == ".parquet" else save
        mine = RoutingTrace([record()])
        paths = [write(mine, tmp_path / f"{name}{suffix}") for name in "ab"]
        assert paths[0].read_bytes() == paths[1].read_bytes()
        assert paths[0].stat().st_mode & 0o777 == 0o666 & ~_umask()
        before = paths[0].read_bytes()
        monkeypatch.setattr(os, "fsync", _fails)
        with pytest.raises(TraceFileError, match="full"):
            write(RoutingTrace([record(steps=[0, 1])]), paths[0])
        assert paths[0].read_bytes() == before
        assert len(os.listdir(tmp_path)) == 2

    def test_paths(self, tmp_path):
        mine = RoutingTrace([record()])
        for path in (tmp_path / "t.pt", tmp_path / "no" / "t.npz", tmp_path):
            with pytest.raises(TraceFileError, match=str(path)):
                save(mine, path)
        (tmp_path / "folder.npz").mkdir()
        os.mkfifo(tmp_path / "pipe.npz")
        for name in ("t.npz", "t.pt", "folder.npz", "pipe.npz", "a\0b.npz"):
            with pytest.raises(TraceFileError):
                load(tmp_path / name)
        with pytest.raises(mc.ParameterError, match="path"):
            load(3)  # type: ignore[arg-type]
        with pytest.raises(mc.ParameterError, match="trace"):
            save(record(), tmp_path / "t.npz")
        path = save(mine, tmp_path / "t.npz")
        with pytest.raises(TraceFileError, match="max_bytes"):
            load(path, max_bytes=path.stat().st_size - 1)

    def test_npz_has_an_end(self, tmp_path, monkeypatch):
        """A zip of 2 GiB points to a second last record, which `load` would refuse."""
        monkeypatch.setattr(moecusp.trace.archive, "MOST_NPZ", 3000)
        with pytest.raises(TraceFileError, match=r"t\.npz: .*write \.safetensors"):
            save(RoutingTrace([record()]), tmp_path / "t.npz")
        assert os.listdir(tmp_path) == []

    def test_a_missing_package_is_named(self, tmp_path, monkeypatch):
        monkeypatch.setitem(sys.modules, "safetensors", None)
        monkeypatch.setitem(sys.modules, "pyarrow", None)
        for call in (save, save_counts):
            with pytest.raises(ImportError, match=r"moecusp\[trace\]"):
                call(RoutingTrace([record()]), tmp_path / "t.safetensors")

    def test_errors_survive_pickling(self):
        error = TraceFileError("a.npz", "no")
        assert str(error) == str(pickle.loads(pickle.dumps(error))) == "a.npz: no"


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _fails(handle):
    raise OSError(28, "full")


class _Bomb:
    """What a pickle would run."""

    def __reduce__(self):
        return os.mkdir, (str(Path(tempfile.gettempdir()) / "moecusp-was-here"),)


def _pack(path, entries, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in entries:
            archive.writestr(name, content)


def _npy(array=None, header=None, body=b""):
    stream = io.BytesIO()
    if header is not None:
        np.lib.format.write_array_header_1_0(stream, header)
        stream.write(body)
    else:
        np.lib.format.write_array(stream, array, allow_pickle=True)
    return stream.getvalue()


def _entries(path):
    with zipfile.ZipFile(path) as archive:
        return [(name, archive.read(name)) for name in archive.namelist()]


def _refused(path, reason, read=load):
    """Refused for this reason, with little memory."""
    tracemalloc.start()
    try:
        with pytest.raises(TraceFileError, match=reason):
            read(path)
        assert tracemalloc.get_traced_memory()[1] < 30_000_000
    finally:
        tracemalloc.stop()
    assert not (Path(tempfile.gettempdir()) / "moecusp-was-here").exists()


@pytest.fixture
def archive(tmp_path):
    return save(RoutingTrace([record(sample=Sample([[0, 1]]))]), tmp_path / "t.npz")


class TestHostileArchives:
    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            (
                _npy(header={"descr": "<i8", "fortran_order": False, "shape": (10**12, 3)}),
                "claims 24000000000000 bytes",
            ),
            (_npy(header={"descr": "<i8", "fortran_order": False, "shape": (2**62, 2**62)}), "claims"),
            (_npy(header={"descr": "<i8", "fortran_order": False, "shape": (-2, -3)}, body=bytes(48)), "claims"),
            (_npy(np.array([[_Bomb()] * 3] * 2)), "type object"),
            (_npy(np.array([["a"] * 3] * 2)), "type"),
            (_npy(np.zeros((2, 3), ">i8")), "type"),
            (_npy(np.asfortranarray(np.zeros((2, 3), np.int64))), "type"),
            (_npy(np.array([[4, 3, 3], [2, 5, 0]], np.int64))[:-1], "claims 48 bytes and holds 47"),
            (_npy(np.array([[4, 3, 3], [2, 5, 0]], np.int64)) + b"\0", "claims 48 bytes and holds 49"),
            (_npy(np.array([[4, 3, 3], [2, -5, 0]], np.int64)), r"counts\[1, 1\] = -5"),
            (_npy(np.array([[4, 3, 3], [2, 5, 0]], np.float64)), "counts.dtype"),
            (_npy(np.array([[4, 3, 3], [2, 6, 0]], np.int64)), "tokens times k"),
            (b"\x93NUMPY\x03\0", "version"),
            (b"", "not a whole"),
            (b"\x93NUMPY\x01\0\x10\0" + b"__import__('os')", "not a whole"),
        ],
    )
    def test_counts(self, archive, content, reason):
        _pack(archive, [(n, content if n == "0/counts.npy" else c) for n, c in _entries(archive)])
        _refused(archive, reason)

    def test_entries(self, archive):
        entries = _entries(archive)
        by_name = dict(entries)
        for bad, reason in [
            ([*entries, ("0/more.npy", by_name["0/tokens.npy"])], "belongs to no site"),
            ([*entries, ("1/counts.npy", by_name["0/counts.npy"])], "belongs to no site"),
            ([*entries, ("../../evil.npy", by_name["0/tokens.npy"])], "belongs to no site"),
            ([e for e in entries if e[0] != "0/unrouted.npy"], "unrouted"),
            ([e for e in entries if e[0] != "0/counts.npy"], "counts"),
            ([e for e in entries if e[0] != "0/sample/chosen.npy"], "sample/chosen"),
            ([e for e in entries if e[0] != "header.npy"], "not a routing trace"),
            ([("header.npy", _npy(np.zeros(3))), *entries[1:]], "not a routing trace"),
            ([("header.npy", _npy(np.full(3, 255, np.uint8))), *entries[1:]], "UTF-8"),
            ([], "not a routing trace"),
        ]:
            _pack(archive, bad)
            _refused(archive, reason)
        with pytest.warns(UserWarning, match="Duplicate"):
            _pack(archive, [*entries, entries[1]])
        _refused(archive, "twice")

    def test_bombs(self, archive):
        entries = _entries(archive)
        _pack(archive, [("bomb.npy", bytes(50_000_000)), *entries], zipfile.ZIP_DEFLATED)
        assert archive.stat().st_size < 100_000
        _refused(archive, "compressed")
        _pack(archive, [(f"{i:01000}", b"") for i in range(5000)])
        _refused(archive, "table of contents")
        # one body listed many times: entries that overlap claim more than there is
        _pack(archive, [("a.npy", bytes(100_000))])
        content = archive.read_bytes()
        start = content.rindex(b"PK\1\2")
        one = content[start : content.rindex(b"PK\5\6")]
        many = b"".join(one.replace(b"a.npy", b"%05d" % i) for i in range(1000))
        end = struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 1000, 1000, len(many), start, 0)
        archive.write_bytes(content[:start] + many + end)
        _refused(archive, "claim more than the file holds")

    def test_every_truncation_and_flipped_byte_is_refused_or_harmless(self, archive):
        whole, right = archive.read_bytes(), load(archive)
        for length in range(0, len(whole), 37):
            archive.write_bytes(whole[:length])
            with pytest.raises(TraceFileError):
                load(archive)
        contents = whole.rindex(b"0/counts.npy") - 200
        for place in [*range(0, contents, 11), *range(contents, len(whole))]:
            archive.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
            try:
                assert load(archive) == right  # dates and permissions of entries
            except TraceFileError:
                pass


class TestHostileHeaders:
    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            (lambda h: {**h, "version": 2}, "schema version 2; this moecusp reads 1"),
            (lambda h: {**h, "version": "\x1b"}, "schema version '.x1b'"),
            (lambda h: {**h, "version": True}, "must hold"),
            (lambda h: {**h, "format": "pickle"}, "not a routing trace"),
            (lambda h: [h], "not a routing trace"),
            (lambda h: {**h, "more": 1}, "must hold"),
            (lambda h: {**h, "sites": {}}, "must hold"),
            (lambda h: {**h, "sites": []}, "belongs to no site"),
            (lambda h: {**h, "sites": [3]}, "a site must hold"),
            (lambda h: {**h, "sites": [{**h["sites"][0], "experts": 10**12}]}, "experts = 1000000000000"),
            (lambda h: {**h, "sites": [{**h["sites"][0], "experts": 2**16}]}, "counts.shape"),
            (lambda h: {**h, "sites": [{**h["sites"][0], "k": -2}]}, "k = -2"),
            (lambda h: {**h, "sites": [{**h["sites"][0], "kind": "raw"}]}, "kind"),
            (lambda h: {**h, "sites": [{**h["sites"][0], "__class__": "os"}]}, "a site must hold"),
            (lambda h: {**h, "sites": h["sites"] * 2}, "1/unrouted"),
            (lambda h: {**h, "notes": ["\x1b]0;"]}, "notes"),
            (lambda h: {**h, "source": {"a": float("nan")}}, "NaN"),
        ],
    )
    @pytest.mark.parametrize("suffix", SUFFIXES)
    def test_refused(self, archive, suffix, change, reason):
        entries = dict(_entries(archive))
        header = change(json.loads(entries["header.npy"][128:]))
        self.write(archive.with_suffix(suffix), entries, json.dumps(header))
        _refused(archive.with_suffix(suffix), reason)

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ('{"format": 1, "format": 2}', "'format' is there twice"),
            ("[" * 200_000, "JSON"),
            ("9" * 5000, "JSON"),
            ("", "JSON"),
            (f'"{"a" * 5_000_000}"', "header"),
        ],
    )
    @pytest.mark.parametrize("suffix", SUFFIXES)
    def test_text(self, archive, suffix, text, reason):
        self.write(archive.with_suffix(suffix), dict(_entries(archive)), text)
        _refused(archive.with_suffix(suffix), reason)

    def write(self, path, entries, text):
        if path.suffix == ".npz":
            _pack(path, {**entries, "header.npy": _npy(np.frombuffer(text.encode(), np.uint8))}.items())
        else:
            arrays = {n.removesuffix(".npy"): np.load(io.BytesIO(c)) for n, c in entries.items() if n != "header.npy"}
            safetensors.numpy.save_file(arrays, path, {"header": text})


class TestHostileSafetensors:
    @pytest.mark.parametrize(
        ("header", "body", "reason"),
        [
            ('{"0/counts":{"dtype":"I64","shape":[1000000000000],"data_offsets":[0,8000000000000]}}', 8, "not a whole"),
            ('{"0/counts":{"dtype":"I64","shape":[2],"data_offsets":[0,8]}}', 8, "not a whole"),
            (
                '{"a":{"dtype":"I64","shape":[1],"data_offsets":[0,8]},"a":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}}',
                8,
                "twice",
            ),
            ('{"a":{"dtype":"BF16","shape":[1],"data_offsets":[0,2]}}', 2, "not a whole|type"),
            ('{"a":{"dtype":"I16","shape":[1],"data_offsets":[0,2]}}', 2, "type int16"),
            ('{"a":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}}', 8, "not a routing trace"),
            ('{"__metadata__":{"header":3}}', 0, "not a whole"),
            ("[]", 0, "no mapping"),
            ("\xff\xff", 0, "JSON"),
        ],
    )
    def test_header(self, tmp_path, header, body, reason):
        path, content = tmp_path / "t.safetensors", header.encode("latin-1")
        path.write_bytes(struct.pack("<Q", len(content)) + content + bytes(body))
        _refused(path, reason)

    @pytest.mark.parametrize(
        "start", [b"", b"\0" * 8, b"\xff" * 8, struct.pack("<Q", 10**8), struct.pack("<Q", 50) + b"{"]
    )
    def test_start(self, tmp_path, start):
        path = tmp_path / "t.safetensors"
        path.write_bytes(start)
        _refused(path, "safetensors|JSON")


class TestHostileParquet:
    @pytest.fixture
    def table(self, tmp_path):
        path = save_counts(RoutingTrace([record(bias=np.zeros((2, 3)), steps=[3, 4])]), tmp_path / "t.parquet")
        return path, pyarrow.parquet.read_table(path, read_dictionary=["site", "slot"])

    def write(self, path, table, **options):
        pyarrow.parquet.write_table(table, path, **{"compression": "none", **options})

    def test_a_table_written_again_is_read(self, table):
        path, rows = table
        right = load_counts(path)
        self.write(path, rows)
        assert load_counts(path) == right

    @pytest.mark.parametrize("name", ["layer", "batch", "step", "expert", "count", "tokens", "bias"])
    def test_every_column_counts(self, table, name):
        path, rows = table
        values = rows[name].to_pylist()
        first = [] if name == "bias" else [9]  # a first bias of 9 would be true
        for change in ([*first, *values[len(first) : 3], 7, *values[4:]], [None, *values[1:]], [-1] * rows.num_rows):
            place = rows.schema.names.index(name)
            wrong = rows.set_column(place, rows.schema.field(name), pyarrow.array(change, rows.schema.field(name).type))
            self.write(path, wrong)
            _refused(path, "in order|tokens times k|counts|tokens|steps|bias|rows", load_counts)

    @pytest.mark.parametrize("name", ["site", "slot"])
    def test_names_count(self, table, name):
        path, rows = table
        wrong = pyarrow.array(["x"] * rows.num_rows).dictionary_encode()
        self.write(path, rows.set_column(rows.schema.names.index(name), rows.schema.field(name), wrong))
        _refused(path, "in order", load_counts)

    def test_shape_and_header(self, table):
        path, rows = table
        self.write(path, rows, compression="gzip")
        _refused(path, "compressed", load_counts)
        self.write(path, rows.slice(1))
        _refused(path, "2 x 9 rows", load_counts)
        self.write(path, rows.drop_columns(["bias"]))
        _refused(path, "columns must be", load_counts)
        self.write(path, rows, row_group_size=9)
        _refused(path, "one row group", load_counts)
        self.write(path, rows.replace_schema_metadata({}))
        _refused(path, "JSON", load_counts)
        header = json.loads(rows.schema.metadata[b"header"])
        for change, reason in (
            ({"batches": 10**12}, "rows"),
            ({"batches": 0}, "batches"),
            ({"steps": False}, "in order"),
            ({"steps": 1}, "in order|steps"),
            ({"bias": None}, "in order"),
            ({"bias": "object"}, "bias"),
            ({"bias": ["f"]}, "bias|Parquet"),
            ({"experts": 10**12}, "experts"),
        ):
            text = json.dumps({**header, "sites": [{**header["sites"][0], **change}]})
            self.write(path, rows.replace_schema_metadata({"header": text}))
            _refused(path, reason, load_counts)

    def test_size_and_truncation(self, table):
        path, _ = table
        with pytest.raises(TraceFileError, match="max_rows"):
            load_counts(path, max_rows=17)
        whole = path.read_bytes()
        with pytest.raises(TraceFileError, match="max_bytes"):
            load_counts(path, max_bytes=len(whole) - 1)
        for length in range(0, len(whole), 97):
            path.write_bytes(whole[:length])
            _refused(path, "Parquet", load_counts)
