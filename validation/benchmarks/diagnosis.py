"""A whole page from a large trace: ``python -m validation.benchmarks.diagnosis``; printed, never asserted.

Every layer has all its tokens with float32 logits. The arrays are shared by all layers, which changes nothing of the
work and needs a layer's memory only. Processor time of one core, and wall time. With ``--file`` also ``moecusp report``
as a user runs it, on a file that holds the arrays of every layer (a third of a gigabyte each).
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from moecusp.diagnosis import diagnose, html
from moecusp.report.provenance import collect
from moecusp.trace import RoutingTrace, Sample, Site, SiteTrace, save
from validation.benchmarks.__main__ import hardware

BATCHES = 128
BOUND = 30.0  # seconds


def model(layers: int, experts: int, tokens: int, k: int, seed: int = 0) -> RoutingTrace:
    """Return a trace of hard top-k routing on normal logits of experts that are not equal."""
    random = np.random.default_rng(seed)
    logits = random.standard_normal((tokens, experts), np.float32)
    logits += np.float32(0.2) * random.standard_normal(experts, np.float32)
    chosen = np.argpartition(-logits, k - 1, axis=1)[:, :k].astype(np.int64)
    batch = (np.arange(tokens) * BATCHES // tokens).astype(np.int64)
    for array in (logits, chosen, batch):
        array.flags.writeable = False  # so that no layer copies it
    sample = Sample(chosen, scores=logits, kind="raw", batch=batch)
    counts = sample.counts(BATCHES, experts)
    sizes = np.bincount(batch, minlength=BATCHES)
    sites = (Site(f"layers.{i}.mlp", i, experts, k) for i in range(layers))
    return RoutingTrace([SiteTrace(site, counts, sizes, sample=sample) for site in sites])


def command(trace: RoutingTrace) -> float:
    """Return the seconds (wall) that the command takes from a file to its page."""
    with tempfile.TemporaryDirectory() as folder:
        path = save(trace, Path(folder) / "trace.safetensors")
        print(f"{path.stat().st_size / 1e9:.1f} GB", flush=True)
        started = time.perf_counter()
        subprocess.run([sys.executable, "-m", "moecusp", "report", path, "-o", path.with_suffix(".html")], check=True)
        return time.perf_counter() - started


def main() -> None:
    """Print the times."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--layers", type=int, default=32)
    parser.add_argument("--experts", type=int, default=64)
    parser.add_argument("--tokens", type=int, default=1_000_000)
    parser.add_argument("--k", type=int, default=8)
    parser.add_argument("--file", action="store_true", help="also the command, from a file")
    options = parser.parse_args()
    print(f"{hardware()}; {options.layers} layers, {options.k} of {options.experts} experts, {options.tokens} tokens")
    trace = model(options.layers, options.experts, options.tokens, options.k)
    started, wall, cpu = datetime.now(UTC), time.perf_counter(), time.process_time()
    found = diagnose(trace)
    first = time.process_time() - cpu
    page = html(found, collect("benchmark", 0, started))
    seconds, passed = time.process_time() - cpu, time.perf_counter() - wall
    print(f"diagnosis {first:.1f} s, page {seconds - first:.1f} s ({len(page) / 1e6:.1f} MB) of processor time")
    print(f"{seconds:.1f} s, {'within' if seconds <= BOUND else 'beyond'} {BOUND:.0f} s; on the wall {passed:.1f} s")
    if options.file:
        print(f"the command, from a file to its page: {command(trace):.1f} s on the wall")


if __name__ == "__main__":
    main()
