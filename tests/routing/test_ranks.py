"""Two processes of one data-parallel run, and what their recordings add up to."""

import torch
import torch.distributed as dist
from torch.multiprocessing.spawn import spawn
from torch.nn.parallel import DistributedDataParallel

from moecusp.routing import record
from moecusp.trace import RoutingTrace, load, save
from tests.routing.own import Model, tokens


def work(rank, folder):
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    model = DistributedDataParallel(Model())
    with record(model) as recorder:
        model(tokens(seed=rank)).sum().backward()
    save(recorder.trace(), f"{folder}/{rank}.npz")
    dist.barrier()
    dist.destroy_process_group()


def test_two_ranks_add_up_to_one_process_with_all_tokens(tmp_path):
    spawn(work, (str(tmp_path),), nprocs=2)
    ranks = [load(tmp_path / f"{rank}.npz") for rank in range(2)]
    with record(model := Model()) as recorder:
        model(torch.cat([tokens(seed=0), tokens(seed=1)]))
    whole = RoutingTrace.sum(ranks)
    assert [found.counts.tolist() for found in whole] == [found.counts.tolist() for found in recorder.trace()]
    assert [found.tokens.tolist() for found in whole] == [[30]] * 3
