"""Parts side by side: what one after another measures, whatever runs them; what has ended is kept."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace

import joblib
import pytest

from tests.validation.frame.runs import content
from tests.validation.stub import STUDY, run
from validation.studies import Part
from validation.work import PARTS, work_folder


def test_in_processes(output, whole):
    run(output, processes=2)
    assert content(output) == whole


def test_a_study_that_asks_for_it_runs_so(output, whole):
    seen: list[int] = []

    def told(profile, plan):
        def inner(part):
            def noted(source, tick):
                seen.append(os.getpid())
                return part.run(source, tick)

            return replace(part, run=noted)

        return [inner(part) for part in STUDY.parts(profile, plan)]

    with joblib.parallel_config("threading"):
        run(output, study=replace(STUDY, parts=told, side_by_side=("smoke",)))
    assert content(output) == whole
    assert set(seen) == {os.getpid()}


def test_what_has_ended_is_kept_when_another_part_fails(output, whole):
    folder = work_folder(output) / PARTS

    def cut(profile, plan):
        first, *others = STUDY.parts(profile, plan)

        def late(source, tick):
            for _ in range(3000):
                if len(os.listdir(folder)) == len(others):
                    raise KeyboardInterrupt
                time.sleep(0.01)
            raise AssertionError("the others have not been kept")

        return [replace(first, run=late), *others]

    with joblib.parallel_config("threading"), pytest.raises(KeyboardInterrupt):
        run(output, study=replace(STUDY, parts=cut), processes=2)
    said: list[str] = []
    run(output, say=said.append)
    assert said == ["2 of 3 parts are kept from an interrupted run"]
    assert content(output) == whole


def test_on_a_dask_cluster_of_which_a_worker_is_killed(output, whole, tmp_path):
    distributed = pytest.importorskip("distributed")
    killed = tmp_path / "killed"

    def deadly(profile, plan):
        first, *others = STUDY.parts(profile, plan)

        def once(source, tick):
            if not killed.exists():
                killed.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            return first.run(source, tick)

        return [Part(first.name, first.size, once), *others]

    settings = {"distributed.admin.system-monitor.gil.enabled": False}
    import dask

    with dask.config.set(settings), distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
    ) as cluster:  # fmt: skip
        with joblib.parallel_config("dask", scheduler_host=cluster.scheduler_address):
            run(output, study=replace(STUDY, parts=deadly), processes=-1)
    assert killed.exists()
    assert content(output) == whole
