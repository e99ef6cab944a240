"""Several processes of one run, and what their recordings add up to."""

import json
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist
from torch.multiprocessing.spawn import spawn
from torch.nn.parallel import DistributedDataParallel

from moecusp import ParameterError
from moecusp.routing import RoutingMonitor, record
from moecusp.routing.ranks import share
from moecusp.trace import RoutingTrace, load, save
from tests.routing.own import EXPERTS, Model, tokens
from tests.routing.test_recorder import Sender, sample

ROWS = {0: 3, 1: 5}  # of the two ranks
IDS = torch.tensor([[0, 1], [2, 3], [3, 0], [1, 3], [2, 0]])


def batch(rank, step):
    ids = tokens(rows=ROWS[rank], seed=10 * step + rank)
    mask = torch.ones_like(ids)
    mask[0, : step + rank] = 0
    return ids, mask


def data_parallel(rank, folder):
    model = DistributedDataParallel(Model())
    with record(model, sample=40, seed=3) as recorder:
        for step in range(2):
            recorder.step = step
            ids, mask = batch(rank, step)
            model(ids, attention_mask=mask).sum().backward()
    save(recorder.trace(dist.group.WORLD), f"{folder}/whole-{rank}.npz")
    save(recorder.trace(), f"{folder}/own-{rank}.npz")


def expert_parallel(rank, folder):
    """Each rank has half of the experts and numbers them from 0; 2 is the number of experts here, -1 of none here."""
    local = IDS - 2 * rank
    elsewhere = (local < 0) | (local > 1)
    local = torch.where(elsewhere, torch.tensor([[2, -1]]), local)
    model = Sender(num_experts=2, _is_expert_parallel=True)
    with record(model, sample=100) as recorder:
        model(local, torch.ones(5, 2).masked_fill(elsewhere, 0.0))
    save(recorder.trace(), f"{folder}/shard-{rank}.npz")
    save(recorder.trace(dist.group.WORLD, over="shards"), f"{folder}/shards-{rank}.npz")


def one_did_not_run(rank, folder):
    with record(model := Model()) as recorder:
        if rank == 0:
            model(tokens())
    with pytest.raises(RuntimeError, match=r"^rank 1: no router was called"):
        recorder.trace(dist.group.WORLD)
    with record(model := Model(layers=2 + rank)) as recorder:
        model(tokens())
    with pytest.raises(ParameterError, match="routers of rank 1"):
        recorder.trace(dist.group.WORLD)


def watched(rank, folder):
    """Five steps: both ranks run, none, rank 1 alone, both but rank 0 is broken, both again, one batch each."""
    model, sink = Model(), dict[int, dict[str, float]]()
    trouble = list[str]()
    group = dist.group.WORLD
    with RoutingMonitor(model, lambda numbers, step: sink.update({step: numbers}), group=group) as monitor:
        for step, ranks in enumerate([(0, 1), (), (1,), (0, 1), (0, 1)]):
            if rank in ranks:
                ids, mask = batch(rank, step)
                model(ids, attention_mask=mask)
            if (rank, step) == (0, 3):
                monitor._recorder._broken = "planted"
            if step in (2, 3) and not trouble:
                with pytest.warns(UserWarning, match=rf"step {step}: RuntimeError: rank 0:") as caught:
                    monitor.step(step)
                trouble.append(str(caught[0].message))
            else:
                monitor.step(step)
        found = [sink, trouble, list(monitor.trace().notes), monitor.trace().records[0].tokens.tolist()]
    Path(folder, f"watched-{rank}.json").write_text(json.dumps(found))


def work(rank, folder):
    wait = timedelta(seconds=60)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2, timeout=wait)
    try:
        for part in (data_parallel, expert_parallel, one_did_not_run, watched):
            part(rank, folder)
    finally:
        dist.destroy_process_group()


def other(number, folder):
    torch.set_num_threads(1)
    work(number + 1, folder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What two processes wrote, of which this is one: another costs seconds to start."""
    folder = tmp_path_factory.mktemp("ranks")
    context = spawn(other, (str(folder),), nprocs=1, join=False)
    work(0, str(folder))
    context.join()
    return folder


def test_two_ranks_are_one_process_with_all_tokens(folder):
    wholes = [load(folder / f"whole-{rank}.npz") for rank in range(2)]
    assert wholes[0] == wholes[1]
    with record(model := Model(), sample=10**4) as recorder:
        for step in range(2):
            recorder.step = step
            pair = [batch(rank, step) for rank in range(2)]
            model(torch.cat([ids for ids, _ in pair]), attention_mask=torch.cat([mask for _, mask in pair]))
    alone = recorder.trace()
    for found, wanted in zip(wholes[0], alone, strict=True):
        assert found.site.name == f"module.{wanted.site.name}"
        for name in ("counts", "tokens", "steps", "bias"):
            assert np.array_equal(getattr(found, name), getattr(wanted, name)), name
        assert all(np.array_equal(found.unrouted[kind], wanted.unrouted[kind]) for kind in wanted.unrouted)
    parts = [load(folder / f"own-{rank}.npz") for rank in range(2)]
    assert RoutingTrace.sum(parts).without_samples() == wholes[0].without_samples()


def test_the_sample_of_all_ranks_is_no_larger_than_one_ranks(folder):
    """40 of 80 tokens, 30 of one rank and 50 of the other."""
    whole = load(folder / "whole-0.npz")
    kept = [{row.tobytes() for row in sample(load(folder / f"own-{r}.npz").records[0]).scores} for r in range(2)]
    found = [row.tobytes() for row in sample(whole.records[0]).scores]
    assert len(found) == 40
    assert set(found) <= kept[0] | kept[1]
    assert 0 < sum(row in kept[0] for row in found) < 40


def test_a_ranks_share_of_the_sample_is_that_of_a_uniform_one():
    """Hypergeometric: mean 40 * 3/8, variance 40 * 3/8 * 5/8 * 40/79; 2,000 draws, 5 standard errors."""
    drawn = np.array([share(np.array([30, 50]), 40, np.random.default_rng(seed))[0] for seed in range(2000)])
    variance = 40 * 3 / 8 * 5 / 8 * 40 / 79
    assert abs(drawn.mean() - 15) < 5 * (variance / 2000) ** 0.5
    assert abs(drawn.var() / variance - 1) < 5 * (2 / 2000) ** 0.5
    assert share(np.array([3, 0, 5]), 9, np.random.default_rng(0)).tolist() == [3, 0, 5]
    assert share(np.array([2**40, 0, 2**40]), 1000, np.random.default_rng(0)).sum() == 1000


def test_expert_parallel_ranks_hold_the_experts_one_after_the_other(folder):
    """Slots of the other rank are sentinels, whether they are called -1 or by the number of experts here."""
    for rank in range(2):
        (mine,) = load(folder / f"shard-{rank}.npz")
        assert mine.unrouted["sentinel"].tolist() == [10 - mine.counts.sum()]
        assert mine.unrouted["null"].tolist() == [0]
        (whole,) = load(folder / f"shards-{rank}.npz")
        assert whole.counts.tolist() == [np.bincount(IDS.flatten(), minlength=EXPERTS).tolist()]
        assert whole.unrouted["sentinel"].tolist() == [0]
        assert whole.sample is None


def test_a_group_that_is_none():
    with record(model := Model()) as recorder:
        model(tokens())
    with pytest.raises(ParameterError, match=r"torch\.distributed\.group\.WORLD"):
        recorder.trace(group=3)


def test_a_monitor_of_a_group_reports_the_tokens_of_all_ranks(folder):
    """On each rank the numbers of one process that has all tokens; steps that a rank missed are left out on both."""
    found = [json.loads((folder / f"watched-{rank}.json").read_text()) for rank in range(2)]
    assert found[0][0] == found[1][0]
    assert list(found[0][0]) == ["0", "4"]
    model = Model()
    with RoutingMonitor(model) as monitor:
        for step in (0, 4):
            pair = [batch(rank, step) for rank in range(2)]
            model(torch.cat([ids for ids, _ in pair]), attention_mask=torch.cat([mask for _, mask in pair]))
            assert found[0][0][str(step)] == pytest.approx(monitor.step(step), rel=1e-12)
    assert [each[3] for each in found] == [[sum(int(mask.sum()) for _, mask in pair)]] * 2
    for _, trouble, notes, _ in found:
        assert len(trouble) == 1
        assert ["rank 0: no router was called" in notes[0], notes[1:]] == [
            True,
            ["step 3: RuntimeError: rank 0: planted"],
        ]


def test_a_monitor_of_a_group_that_is_none():
    with pytest.raises(ParameterError, match=r"^group = 3.*torch\.distributed\.group\.WORLD"):
        RoutingMonitor(Model(), group=3)
