"""Advice: each number against its own equation, each statement and claim there."""

import math
import tomllib
from pathlib import Path

import numpy as np
import pytest

from moecusp import ParameterError
from moecusp.diagnosis import DEFINITIONS, Aim, advise, diagnose, sampling_floor
from moecusp.diagnosis.advice import batch_for
from tests.diagnosis.planted import counted, site_trace, trace

ROOT = Path(__file__).parents[2]


def layer(**given):
    return diagnose(trace(site_trace(**given))).layers[0]


def of(found, aim=None):
    return {each.subject: each for each in advise(found, aim)}


class TestNumbers:
    def test_without_an_aim(self):
        found = layer()
        each = of(found)
        assert list(each) == ["bias rate", "sign rule", "balance loss", "temperature", "batch size"]
        assert each["bias rate"].value == pytest.approx(2 / found.coupling.largest.number)
        assert {name for name, a in each.items() if a.given} == {"bias rate", "temperature"}

    def test_best_rate_is_least_lag_and_noise(self):
        """Of (v/r)^2 + r lambda q/(B(2 - r lambda)) on a grid, q the variance in a mode of the token's shares."""
        found = layer(k=2)
        lam, v, batch = found.coupling.largest.number, 1e-3, 4096.0
        shares = np.full(8, 0.25)  # each token takes 2 of 8, half a slot share each
        q = (0.5**2 * shares * (1 - shares))[0] * 8 / 7
        r = np.linspace(1e-4, 2 / lam, 400_001)[1:-1]
        cost = (v / r) ** 2 + r * lam * q / (batch * (2 - r * lam))
        best = of(found, Aim(batch_size=batch, drift=v))["bias rate"]
        assert best.value == pytest.approx(r[cost.argmin()], rel=1e-3)
        assert best.low <= best.value <= best.high
        assert best.value < 2 / lam

    def test_sign_rule(self):
        found = layer()
        s = math.sqrt(7 / 64 / 512)
        acting = of(found, Aim(batch_size=512, bias_step=0.003))["sign rule"]
        assert acting.value == pytest.approx(0.164, abs=5e-4)  # THEORY's anchor
        step = of(found, Aim(batch_size=512))["sign rule"]
        assert step.value * math.sqrt(2 / math.pi) / s * found.coupling.largest.number == pytest.approx(1.0)

    def test_balance_loss_holds_from_its_critical_weight_on(self):
        """The growth rate of J at that weight is 0, and negative above."""
        from moecusp import balance_loss_growth

        found = diagnose(trace(site_trace(batches=60, size=500))).layers[0]
        kappa = 3 * found.coupling.critical.number
        advice = of(found, Aim(feedback=kappa, decay=1.0, loss_rate=0.5))["balance loss"]
        centre = np.eye(8) - 1 / 8
        soft, hard = (centre @ np.asarray(m) @ centre for m in (found.coupling.soft_matrix, found.coupling.matrix))
        soft, hard = 0.5 * (soft + soft.T), 0.5 * (hard + hard.T)
        assert float(balance_loss_growth(kappa, 1.0, advice.value, 0.5, soft, hard)) == pytest.approx(0.0, abs=1e-9)
        assert float(balance_loss_growth(kappa, 1.0, 1.1 * advice.value, 0.5, soft, hard)) < 0

    def test_no_weight_away_from_balance(self):
        found = layer(offsets=[2.0, 0, 0, 0, 0, 0, 0, 0])
        advice = of(found, Aim(feedback=10, decay=1.0, loss_rate=0.5))["balance loss"]
        assert not advice.given
        assert "balanced loads" in advice.says

    @pytest.mark.parametrize(("violation", "experts", "k"), [(0.1, 8, 1), (0.5, 64, 8), (3.0, 16, 2), (0.02, 2, 1)])
    def test_batch_is_the_least_whose_floor_is_low_enough(self, violation, experts, k):
        size = batch_for(violation, experts, k)
        assert sampling_floor(size, experts, k) <= violation
        if (size - 1) * k / experts >= 10:
            assert sampling_floor(size - 1, experts, k) > violation * (1 - 1e-9)

    @pytest.mark.parametrize("scale", [0.2, 1.0, 6.0])
    def test_temperature_doubles_the_critical_feedback(self, scale):
        """By the covariance of softmax written out; nearer to 1 it is less than doubled."""
        logits = scale * np.random.default_rng(3).standard_normal((8000, 8)).astype(np.float32)
        found = of(layer(batches=20, size=400, logits=logits))["temperature"]

        def critical(t):
            p = np.exp(logits.astype(float) / t)
            p /= p.sum(axis=1, keepdims=True)
            return t / np.linalg.eigvalsh(np.diag(p.mean(axis=0)) - p.T @ p / len(p))[-1]

        assert critical(found.value) == pytest.approx(2.0 * critical(1.0), rel=1e-6)
        for t in np.linspace(1.0, found.value, 20)[1:-1]:
            assert critical(t) < 2.0 * critical(1.0)
        assert f"T = {found.value:.3g}" in found.says

    def test_what_is_not_known_is_said(self):
        each = of(
            diagnose(trace(counted(np.full(8, 1 / 8)))).layers[0], Aim(feedback=1, decay=1, loss_rate=1, batch_size=10)
        )
        assert not each["temperature"].given
        for name in ("bias rate", "sign rule", "balance loss"):
            assert not each[name].given
            assert "no scores of tokens were recorded" in each[name].says


class TestRefusals:
    @pytest.mark.parametrize(
        ("given", "name"),
        [({"feedback": 1.0}, "decay"), ({"decay": 1.0}, "feedback"), *(({n: 0.0}, n) for n in vars(Aim()))],
    )
    def test_aims(self, given, name):
        with pytest.raises(ParameterError) as caught:
            Aim(**given)
        assert caught.value.name == name

    def test_others(self):
        with pytest.raises(ParameterError, match="a LayerDiagnosis"):
            advise(None)  # type: ignore[arg-type]
        with pytest.raises(ParameterError, match="an Aim or None"):
            advise(layer(batches=12, size=50), 3)  # type: ignore[arg-type]


class TestSources:
    def statements(self):
        groups = tomllib.loads((ROOT / "proofs" / "statements.toml").read_text(encoding="utf-8")).values()
        return {key for group in groups for key in group}

    def test_statements_of_advice_and_definitions_exist(self):
        found = layer()
        named = {each for advice in advise(found) for each in advice.statements}
        named |= {each for definition in DEFINITIONS.values() for each in definition.statements}
        assert len(named) > 12
        assert named <= self.statements()

    def test_claims_and_pages_exist(self):
        claims = tomllib.loads((ROOT / "validation" / "claims.toml").read_text(encoding="utf-8"))["claims"]
        for advice in advise(layer()):
            assert advice.statements
            assert advice.evidence
            for each in advice.evidence:
                assert (ROOT / each).is_file() if "/" in each else "judged" in claims[each]
        for definition in DEFINITIONS.values():
            assert (ROOT / definition.page).is_file()

    def test_every_word_of_the_pages_templates_names_a_statement_that_exists(self):
        import re

        for path in (ROOT / "moecusp" / "diagnosis" / "templates").glob("*.j2"):
            for id in re.findall(r"<code>([a-z]+\.[a-z_]+)</code>", path.read_text(encoding="utf-8")):
                assert id in self.statements(), id
