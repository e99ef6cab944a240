"""Flips of expert sets: planted counts are judged as they should be, and each prediction is right by another way."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch

import moecusp as mc
from moecusp.report import Verdict
from tests.validation.planted import stored, verdicts
from validation.storage import Arrays
from validation.streams import stream
from validation.trained import flips
from validation.trained.flip_logits import Case, case, independent, recorded, text, tie_density, trained
from validation.trained.flips import CLAIMS, SIZES, Flips, chosen, crossed, misses, spacing
from validation.work import Plan

SMALL = Flips(
    cases=("random-6-top2", "text-4-top1"), routers=5, transformers=7, logits=12_000, bytes=1024, share=0.02, draws=2,
    sigma=0.7, near=0.2, context=16, layers=1, features=8, heads=2, units=2, hidden=8, steps=2, windows=3,
    noise_band=(-0.05, 0.07), bf16_band=(-0.11, 0.13), fp8_band=(-0.09, 0.08),
)  # fmt: skip


@dataclass(frozen=True)
class Profile:
    flips: Flips = SMALL
    confidence: float = 0.98


@pytest.fixture(name="plan", scope="module")
def _plan(tmp_path_factory):
    return stored(tmp_path_factory.mktemp("plan"), flips.predict(Profile(), 3))


def planted(plan, **wrong):
    """Return what would be counted if every prediction held, or off by a factor for a kind."""
    rng = np.random.default_rng(0)
    return {
        f"flips/{name}": {
            kind: wrong.get(kind, 1.0)
            * plan[f"flips.{name}.{kind}"]
            * (1.0 + 0.002 * rng.normal(size=SMALL.number(case(name))))
            for kind in CLAIMS
        }
        for name in SMALL.cases
    }


class TestVerdicts:
    def test_right_counts_are_supported_and_controls_refuted(self, plan):
        found = flips.findings(Profile(), plan, planted(plan))
        assert {each.verdict for each in found if not each.expected} == {Verdict.SUPPORTED}
        assert {each.verdict for each in found if each.expected} == {Verdict.REFUTED}
        assert sum(each.expected is not None for each in found) == 5  # "independent" of the random router alone

    @pytest.mark.parametrize(("kind", "factor"), list(product(CLAIMS, [0.8, 1.2])))
    def test_wrong_counts_are_refuted(self, plan, kind, factor):
        found = verdicts(flips.findings(Profile(), plan, planted(plan, **{kind: factor})))
        refuted = {id for id, verdict in found.items() if verdict == "REFUTED" and not id.startswith("control")}
        assert refuted == {f"flips.{kind}.{name}" for name in SMALL.cases}

    @pytest.mark.parametrize(("kind", "control", "factor"), [("noise", "half", 0.5), ("bf16", "independent", 2 / 3)])
    def test_a_control_can_fail(self, plan, kind, control, factor):
        found = flips.findings(Profile(), plan, planted(plan, **{kind: factor}))
        names = [name for name in SMALL.cases if control != "independent" or name.startswith("random")]
        assert {each.id for each in found if not each.sound} == {f"control.flips_{control}.{name}" for name in names}

    def test_too_few_or_nothing_leave_everything_open(self, plan):
        measured = planted(plan)
        for each in measured.values():
            each["noise"], each["bf16"] = each["noise"][:2], 0.0 * each["bf16"]
        few = {name: {**each, "fp8": each["fp8"][:2]} for name, each in measured.items()}
        short = {name: plan[name][:2] for name in plan.arrays if name.endswith(("noise", "fp8"))}
        found = flips.findings(Profile(), with_arrays(plan, short), few)
        assert {each.verdict for each in found} == {Verdict.INCONCLUSIVE}
        assert all(each.remedy for each in found)

    def test_bands_are_those_of_the_profile(self, plan):
        found = flips.findings(Profile(), plan, planted(plan))
        for kind in CLAIMS:
            accepted = {each.accepted for each in found if each.id.startswith(f"flips.{kind}.")}
            assert accepted == {getattr(SMALL, f"{kind}_band")}

    def test_the_page(self, plan):
        (table,) = flips.tables(Profile(), plan, planted(plan))
        assert [row[0] for row in table.rows] == list(SMALL.cases)
        assert table.rows[0][2].startswith("2.000% / ")
        (picture,) = flips.pictures(Profile(), plan, planted(plan))
        assert all(name in picture.caption for name in SMALL.cases)
        drawn = [np.asarray(line.get_xydata()) for line in picture.figure.axes[0].get_lines()]
        assert [len(points) for points in drawn] == [2, 2, *[len(SMALL.cases)] * 3]
        assert drawn[0][:, 1] == pytest.approx(drawn[0][:, 0])
        assert drawn[1][:, 1] == pytest.approx(2.0 * drawn[0][:, 0])


def with_arrays(plan: Plan, arrays: Arrays) -> Plan:
    """Return a plan with some arrays in the place of its own."""
    return replace(plan, arrays={**plan.arrays, **arrays})


class TestPredictions:
    @pytest.mark.parametrize(("experts", "k"), [(2, 1), (8, 1), (8, 3), (256, 8)])
    def test_tie_density(self, experts, k):
        """For one place the slope of the boundary mass; else by the other side: the K - k that are not chosen."""
        found = tie_density(experts, k, 1.3)
        assert found == pytest.approx(tie_density(experts, experts - k, 1.3), rel=1e-9)
        if k == 1:
            assert 2.0 * found == pytest.approx(float(mc.expert_boundary_slope(experts, 1.3)), rel=1e-9)
        else:
            logits = 1.3 * np.random.default_rng(0).standard_normal((12_000_000 // experts, experts), np.float32)
            top = np.partition(logits, (experts - k - 1, experts - k), axis=1)
            width = 0.05 / found
            inside = (top[:, experts - k] - top[:, experts - k - 1] <= width).sum()
            expected = len(logits) * (1.0 - np.exp(-2.0 * found * width))  # margins are nearly exponential
            assert abs(inside / expected - 1.0) < 5.0 / expected**0.5 + 0.01

    def test_the_constant_is_not_half_of_it(self):
        """Eight experts, s = 0.01: 0.00803 of the tokens, to 5 standard errors of the count; not half of that."""
        generator = torch.Generator().manual_seed(5)
        logits = torch.randn(400_000, 8, generator=generator)
        moved = (chosen(logits + 0.01 * torch.randn(logits.shape, generator=generator), 1) != chosen(logits, 1)).sum()
        expected = len(logits) * float(mc.flip_rate(tie_density(8, 1, 1.0), 0.01))
        assert expected / len(logits) == pytest.approx(0.00803, abs=5e-6)
        assert abs(int(moved) - expected) < 5.0 * expected**0.5

    def test_spacing_of_the_grid_at_the_last_place(self):
        logits = torch.tensor([[1.5, 1.49, 0.0], [0.4, -3.0, 0.39], [9.0, 1.0, 5.0], [-0.26, -0.27, -8.0]])
        assert spacing(logits, 1, 7, 0.75) == pytest.approx((2.0**-7 + 2.0**-9 + 2.0**-9) / 3)
        step = torch.tensor(1.5, dtype=torch.bfloat16).float() + 2.0**-7
        assert step.to(torch.bfloat16).float() == step  # so the grid of bfloat16 between 1 and 2 is that fine
        assert (step - 2.0**-8).to(torch.bfloat16).float() != step - 2.0**-8

    def test_cells_that_logits_share(self):
        rows = [([1, 1, 0], 1, 1 / 2), ([1, 1, 1], 2, 2 / 3), ([2, 1, 1, 1], 2, 2 / 3), ([3, 2, 1, 1], 2, 0.0)]
        for row, k, expected in rows:
            assert crossed(torch.tensor([row], dtype=torch.float32), k) == pytest.approx(expected)
        logits = torch.randn(40_000, 12, generator=torch.Generator().manual_seed(1))
        rounded = (4.0 * logits).round()
        moved = (chosen(rounded, 5) != chosen(logits, 5)).any(dim=1).double().mean().item()
        expected = crossed(rounded, 5)
        assert abs(moved - expected) < 5.0 * (expected / len(logits)) ** 0.5

    def test_a_density_from_recorded_logits_is_that_of_the_integral(self):
        """Within 6 %: some 3,000 tokens in the slab, and the bias of its width."""
        logits = SMALL.sigma * torch.randn(200_000, 6, generator=torch.Generator().manual_seed(4))
        found, exact = (flips._predicted(SMALL, Case(source, 6, 2), logits) for source in ("text", "random"))
        for key in ("deviation", "noise", "bf16", "fp8"):
            assert found[key] == pytest.approx(exact[key], rel=0.06), key

    def test_names_and_noise(self, plan):
        for name in SMALL.cases:
            assert plan[f"flips.{name}.noise"] == pytest.approx(SMALL.share, rel=1e-12)
        density = SMALL.share * np.pi**0.5 / (2.0 * plan["flips.random-6-top2.deviation"])
        assert density == pytest.approx(tie_density(6, 2, SMALL.sigma))
        assert {name.split(".")[0] for name in plan.arrays} == {"flips"}


class TestRuns:
    def test_parts_count_their_tokens_and_every_router(self, plan):
        for part in flips.parts(Profile(), plan):
            done: list[int] = []
            given = part.run(stream("trained", "flips", part.name.split("/")[1], 3), done.append)
            found = {kind: np.asarray(shares, np.float64) for kind, shares in given.items()}
            assert sum(done) == part.size
            assert {kind: shares.shape for kind, shares in found.items()} == {
                kind: (SMALL.number(case(part.name.split("/")[1])),) for kind in CLAIMS
            }
            assert all(((shares >= 0.0) & (shares <= 1.0)).all() for shares in found.values())

    def test_what_a_run_counts(self, plan, monkeypatch):
        """Of the second sample, by the noise of the plan and the types of the claims."""
        name = "random-6-top2"
        at, source = case(name), stream("trained", "flips", name, 3)
        found = flips.measure(SMALL, plan, name, source, lambda _: None)
        for number, logits in enumerate(independent(SMALL, at, source)):
            before = logits.argsort(dim=1, descending=True)[:, :2].sort(dim=1).values
            for kind, type in (("bf16", torch.bfloat16), ("fp8", torch.float8_e4m3fn)):
                after = logits.to(type).float().topk(2, dim=1).indices.sort(dim=1).values
                assert found[kind][number] == pytest.approx((before != after).any(dim=1).double().mean().item())
        quiet = with_arrays(plan, {f"flips.{name}.deviation": np.zeros(SMALL.number(case(name)))})
        still = flips.measure(SMALL, quiet, name, source, lambda _: None)
        assert still["noise"].tolist() == [0.0] * SMALL.number(case(name))
        assert np.isnan(misses(plan, {f"flips/{name}": still}, name, "noise")).all()

    def test_a_run_has_the_transformers_that_predicted(self, plan, monkeypatch):
        at, seen = case("text-4-top1"), list[Any]()

        def recording(_, *given):
            seen.append(given)
            return iter(())

        monkeypatch.setattr(flips, "recorded", recording)
        flips.measure(SMALL, plan, at.name, stream("trained", "flips", at.name, 3), lambda _: None)
        ((made, part),) = seen
        assert torch.equal(part, text()[2])
        again = trained(SMALL, at, 3)
        for ours, theirs in zip(recorded(SMALL, made, part), recorded(SMALL, again, part), strict=True):
            assert torch.equal(ours, theirs)
            assert ours.shape == (SMALL.tokens(at), at.experts)

    def test_sizes(self):
        assert set(SIZES) == {"smoke", "quick", "full"}
        bands = {
            size: [value for name, value in vars(p).items() if name.endswith("_band")] for size, p in SIZES.items()
        }
        assert bands["smoke"] == bands["quick"] == bands["full"]
        quick = SIZES["quick"]
        alike = {name: getattr(quick, name) for name in ("cases", "routers", "transformers", "logits", "most", "steps")}
        assert replace(SIZES["full"], **alike) == quick
