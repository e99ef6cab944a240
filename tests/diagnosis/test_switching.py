"""Flips: rounding against torch's own formats, predictions against counts, and closed forms."""

import numpy as np
import pytest

from moecusp import expert_boundary_slope
from moecusp.diagnosis.coupling import Deciding, coupling
from moecusp.diagnosis.formats import FORMATS
from moecusp.diagnosis.switching import switching
from moecusp.diagnosis.tokens import Tokens

torch = pytest.importorskip("torch")
TYPES = {
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
    "float8 e4m3": torch.float8_e4m3fn,
    "float8 e5m2": torch.float8_e5m2,
}


def numbers():
    rng = np.random.default_rng(0)
    parts = [rng.normal(size=5000) * scale for scale in (1e-6, 1e-3, 1, 100, 1e5)]
    odd = [0.0, 448.0, 465.0, -500.0, 2.0**-9, 2.0**-10, 3 * 2.0**-10, 1e-8, 65519.0, -65519.0, 1.0625, 1.1875]
    return np.concatenate([*parts, odd]).astype(np.float32)


class TestFormats:
    @pytest.mark.parametrize("form", FORMATS, ids=lambda f: f.name)
    def test_rounds_as_torch_does(self, form):
        x = numbers()
        theirs = torch.from_numpy(x).to(TYPES[form.name]).to(torch.float64).numpy()
        finite = np.isfinite(theirs)  # torch makes inf or nan of what is too large; a router that saturates does not
        assert np.array_equal(form.rounded(x)[finite], theirs[finite])
        assert np.all(np.abs(form.rounded(x)[~finite]) == form.most)

    @pytest.mark.parametrize("form", FORMATS, ids=lambda f: f.name)
    def test_spacing_is_to_the_next_number(self, form):
        x = np.abs(numbers())
        x = x[x < form.most / 4]
        down = np.floor(x / form.spacing(x)) * form.spacing(x)
        assert np.array_equal(form.rounded(down), down)
        assert np.array_equal(form.rounded(down + form.spacing(x)), down + form.spacing(x))
        assert np.all(form.rounded(down + 0.4 * form.spacing(x)) == down)

    def test_ruled_out_stays_so(self):
        assert FORMATS[0].rounded([-np.inf, 1.0]).tolist() == [-np.inf, 1.0]


def planted(experts=8, k=1, count=60_000, seed=0, scale=1.0, bias=None):
    logits = (scale * np.random.default_rng(seed).standard_normal((count, experts))).astype(np.float32)
    rule = "logits" if bias is None else "logits + bias"
    added = None if bias is None else np.broadcast_to(bias, logits.shape)
    tokens = Tokens(logits, rule, added, k, np.arange(count) * 40 // count, count, 1.0)
    return tokens, Deciding.of(tokens.scores(logits), k)


def found(noise=0.01, **given):
    tokens, deciding = planted(**given)
    return switching(tokens, deciding, coupling(tokens, deciding).tie_width, noise)


class TestDensity:
    @pytest.mark.parametrize("experts", [2, 32])
    def test_coverage(self, experts):
        """The closed form lies in at least 95 % of 60 intervals: fewer than 52 would be 1 case in 100."""
        exact = float(expert_boundary_slope(experts)) / 2
        each = [found(experts=experts, count=5000, seed=seed).tie_density for seed in range(60)]
        assert sum(q.ends[0] <= exact <= q.ends[1] for q in each) >= 52
        assert np.mean([q.number for q in each]) == pytest.approx(exact, rel=0.06)

    def test_boundary_mass_is_the_share_counted(self):
        tokens, deciding = planted(experts=4, k=2)
        parts = np.sort(tokens.logits, axis=1)
        for width, q in switching(tokens, deciding, 0.1, 0.01).masses:
            assert q.number == pytest.approx(float((parts[:, -2] - parts[:, -3] <= width).mean()), abs=1e-12)
            assert q.ends[0] <= q.number <= q.ends[1]


class TestFlips:
    def test_counted_as_torch_counts(self):
        """Round with torch, take the k largest with the lower number first, compare sets."""
        tokens, deciding = planted(count=20_000, k=2)
        before = np.sort(np.argsort(-tokens.logits, axis=1, kind="stable")[:, :2], axis=1)
        for each in switching(tokens, deciding, 0.05, 0.01).flips[:-1]:
            rounded = torch.from_numpy(tokens.logits).to(TYPES[each.change]).to(torch.float32).numpy()
            after = np.sort(np.argsort(-rounded, axis=1, kind="stable")[:, :2], axis=1)
            assert each.counted.number == pytest.approx(float((before != after).any(axis=1).mean()), abs=1e-12)

    def test_predicted_is_within_the_interval_of_the_count(self):
        """float16, bfloat16 and noise, where the leading order is good; 3 standard errors of both."""
        for each in found(count=200_000).flips:
            if each.predicted.known and "float8" not in each.change:
                gap = abs(each.predicted.number - each.counted.number)
                error = (
                    each.counted.ends[1] - each.counted.ends[0] + each.predicted.ends[1] - each.predicted.ends[0]
                ) / 4
                assert gap < 3 * error + 0.02 * each.counted.number

    def test_noise_against_the_anchor(self):
        """K = 8 standard normal logits, s = 0.01: .00395 predicted, .00410 counted (THEORY's anchors)."""
        last = found(count=400_000, scale=1.0).flips[-1]
        assert last.predicted.number == pytest.approx(
            2 / np.pi**0.5 * float(expert_boundary_slope(8)) / 2 * 0.01, rel=0.06
        )
        assert last.counted.ends[0] < last.predicted.number < last.counted.ends[1] * 1.05

    def test_coarse_numbers_are_not_predicted(self):
        for each in found(count=200_000).flips:
            if each.change == "float8 e5m2":
                assert "apart" in each.predicted.reason
                assert each.counted.number > 0.05

    def test_recorded_on_the_grid_already(self):
        tokens, _ = planted(count=2000)
        coarse = torch.from_numpy(tokens.logits).to(torch.bfloat16).to(torch.float32).numpy()
        on_grid = Tokens(coarse, "logits", None, 1, tokens.batch, 2000, 1.0)
        flips = {each.change: each for each in switching(on_grid, Deciding.of(coarse, 1), 0.3, 0.01).flips}
        assert flips["bfloat16"].counted.reason == "the recorded logits are bfloat16 numbers already"
        assert flips["float8 e4m3"].counted.known

    def test_scores_with_a_bias_are_rounded_before_it(self):
        bias = np.linspace(-0.5, 0.5, 8)
        tokens, deciding = planted(count=20_000, bias=bias)
        flips = {each.change: each for each in switching(tokens, deciding, 0.05, 0.01).flips}
        rounded = torch.from_numpy(tokens.logits).to(torch.bfloat16).to(torch.float64).numpy()
        expected = ((rounded + bias).argmax(axis=1) != (tokens.logits + bias).argmax(axis=1)).mean()
        assert flips["bfloat16"].counted.number == pytest.approx(float(expected), abs=1e-12)
        assert flips["bfloat16"].predicted.reason == "the router does not compare the logits themselves"

    def test_no_flips_have_an_upper_end(self):
        tokens, deciding = planted(count=1000, scale=100.0)
        last = switching(tokens, deciding, 1.0, 1e-6).flips[-1]
        assert (last.counted.number, last.counted.ends[0]) == (0.0, 0.0)
        assert last.counted.ends[1] == pytest.approx(3 / 1000)

    def test_without_tokens_every_number_says_why(self):
        s = switching("no logits", None, None, 0.01)
        every = [s.tie_density, *(q for _, q in s.masses), *(q for f in s.flips for q in (f.predicted, f.counted))]
        assert {q.reason for q in every} == {"no logits"}
