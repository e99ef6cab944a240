"""Predictions and runs of prediction, update_rate, sign_rule and balance_loss against what is written out here."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from moecusp import RouterParameters, susceptibility
from moecusp.routing import ReinforcedRouter
from tests.validation.planted import line
from tests.validation.routers import update_rate_truth
from tests.validation.routers.balance_loss_truth import PROFILE as LOSS
from tests.validation.routers.prediction_truth import PROFILE as ONSET
from tests.validation.routers.sign_rule_truth import PROFILE as SIGN
from tests.validation.routers.trained_truth import TRAINED as T
from tests.validation.routers.truth import PROFILE, TRUTHS, changed, name_of
from tests.validation.routers.update_rate_truth import PROFILE as RATE
from validation.routers import balance_loss, gaussian, prediction, responses, sign_rule, update_rate
from validation.routers.modes import Loads
from validation.routers.recorded import case
from validation.streams import stream

SOFT, TOP1 = case("text-mlp-4-soft"), case("text-mlp-4-top1")
BETA = T.inverse_temperature
BY_ERRORS = [truth for truth in TRUTHS if hasattr(truth.PROFILE, "errors")]


def ran(part):
    return {part.name: {name: np.asarray(each) for name, each in part.run(stream("t", "t", 0, 0), int).items()}}


def top(matrices):
    return np.linalg.eigvalsh(matrices)[:, -1]


class TestPredictions:
    def test_of_the_onset(self, plans):
        plan = plans("prediction")
        for name in ONSET.cases:
            seen = responses.first(T, case(name), 3, ONSET.routers)
            assert_allclose(plan[f"prediction.{name}.critical"], ONSET.decay / top(seen.load), rtol=1e-5)
            experts = case(name).kind.experts
            assert plan.number(f"prediction.{name}.uniform") == pytest.approx(experts * ONSET.decay / BETA)
        seen = responses.first(T, SOFT, 3, ONSET.routers)
        # cold routers of hardly trained logits are nearly uniform: about beta times the feedback
        ratio = plan["prediction.text-mlp-4-soft.cold"] / plan["prediction.text-mlp-4-soft.critical"]
        assert np.all((1.1 < ratio) & (ratio <= BETA))

    def test_of_the_largest_rate(self, plans):
        for name in RATE.cases:
            seen = responses.first(T, case(name), 3, RATE.routers)
            assert_allclose(plans("update_rate")[f"update_rate.{name}.rate"], 2.0 / top(seen.load), rtol=1e-5)

    def test_of_the_weights(self, plans):
        """At the critical weight the largest eigenvalue of J, on changes that leave the mean, is 0."""
        plan = plans("balance_loss")
        for name in LOSS.cases:
            seen, at = responses.first(T, case(name), 3, LOSS.routers), f"balance_loss.{name}"
            kappa, alpha = plan[f"{at}.feedback"], plan[f"{at}.critical"]
            assert_allclose(kappa, LOSS.excess * LOSS.decay / top(seen.load), rtol=1e-5)
            for k in range(LOSS.routers):
                answer = LOSS.loss_rate * 4 * seen.soft[k] @ seen.load[k]
                values = np.linalg.eigvals(kappa[k] * seen.load[k] - alpha[k] * answer).real
                assert values.max() == pytest.approx(LOSS.decay, rel=1e-5)
                largest = plan[f"{at}.safe"][k] * np.linalg.eigvals(answer).real.max()
                assert largest == pytest.approx(2.0, rel=1e-5)

    def test_of_the_proportional_anchor(self, plans):
        rate, variance = plans("sign_rule")["sign_rule.gaussian.proportional"]
        experts, chosen, batch = SIGN.gaussian_proportional
        lam, q = gaussian.eigenvalue(experts, chosen, SIGN.sigma), 1 / experts
        assert rate * lam == pytest.approx(SIGN.rate_share)
        assert variance == pytest.approx(rate * q / (batch * lam * (2 - SIGN.rate_share)))

    def test_of_the_sign_anchor(self, plans):
        """The closure by iteration: K = 6, k = 2, B = 120, on whose lattice 1/6 lies."""
        plan, (experts, chosen, batch) = plans("sign_rule"), SIGN.gaussian_sign
        u, lam = SIGN.bias_step, gaussian.eigenvalue(experts, chosen, SIGN.sigma)
        own = (1 / chosen - 1 / experts) / experts / batch
        opposed = 1 + 2 / np.pi * np.arcsin(1 / (experts - 1))
        tied = 1 / (chosen * batch) / np.sqrt(2 * np.pi)
        size = own**0.5
        for _ in range(200):
            bias = np.sqrt(np.pi / 8) * u * (opposed * size - tied) / lam
            size = np.sqrt(own + lam**2 * bias * (1 - 1 / experts))
        assert_allclose(plan["sign_rule.gaussian.sign"], [u, bias], rtol=1e-9)
        share = u * np.sqrt(2 / np.pi / own) * lam
        assert plan.number("sign_rule.gaussian.linear") == pytest.approx(u**2 / (1 - (1 - share) ** 2))

    def test_of_trained_fluctuations(self, plans):
        plan, seen = plans("sign_rule"), responses.first(T, TOP1, 3, SIGN.routers)
        lam = top(seen.load)[:, None]
        assert_allclose(plan["sign_rule.rates"] * lam, np.broadcast_to(SIGN.proportional, (5, 3)), rtol=1e-6)
        noise = np.sqrt(np.trace(seen.covariance, axis1=1, axis2=2) / 4 / SIGN.batch_size)[:, None]
        assert_allclose(plan["sign_rule.steps"] * np.sqrt(2 / np.pi) / noise * lam,
                        np.broadcast_to(SIGN.shares, (5, 3)), rtol=1e-6)  # fmt: skip
        assert np.isnan(plan["sign_rule.floor"]).tolist() == [[False, False, True]] * 5
        rate, chi = plan["sign_rule.rates"][0, 0], seen.load[0]
        p = np.zeros((4, 4))
        for _ in range(4000):
            step = np.eye(4) - rate * chi
            p = step @ p @ step + rate**2 * seen.covariance[0] / SIGN.batch_size
        assert plan["sign_rule.floor"][0, 0] == pytest.approx(np.trace(p), rel=1e-4)


class TestRules:
    def test_reinforced_is_the_library_s_router(self):
        feedbacks, t = np.array([[1.1, 2.0], [0.7, 3.0]]), torch.Generator().manual_seed(0)
        rule = prediction.Reinforced(ONSET, T, feedbacks, Loads(), 4)
        scores, logits = torch.randn(2, 2, 2, 4, generator=t), torch.randn(2, 4, 50, generator=t)
        router = ReinforcedRouter(RouterParameters(np.broadcast_to(feedbacks, (2, 2, 2)), ONSET.decay, experts=4),
                                  increment=ONSET.increment, selection="hard")  # fmt: skip
        router.scores.copy_(scores)
        router(logits.mT[:, None])
        assert_allclose(rule(scores, logits), router.scores, atol=1e-6)
        assert_allclose(rule.balanced[..., 0], feedbacks / (4 * ONSET.decay), rtol=1e-6)

    @pytest.mark.parametrize("each", [SOFT, TOP1])
    def test_held_follows_the_gradient_with_its_loads_fixed(self, each):
        t = torch.Generator().manual_seed(0)
        scores, logits = torch.randn(2, 1, 4, generator=t), torch.randn(2, 4, 300, generator=t)
        kappa = torch.tensor([[1.3], [2.1]])
        rule = balance_loss.held(
            each.loads(BETA),
            np.array([[0.4], [0.9]]),
            inverse_temperature=BETA,
            feedback=kappa,
            decay=0.9,
            rate=0.6,
            increment=0.05,
        )
        found = rule(scores, logits)
        for k, alpha in enumerate((0.4, 0.9)):
            load = each.loads(BETA)(logits, scores)[k, 0].double().numpy()
            chi = np.asarray(susceptibility((logits[k] + scores[k, 0, :, None]).T.double().numpy(), BETA))
            push = float(kappa[k]) * load - 0.9 * scores[k, 0].numpy() - 0.6 * alpha * 4 * chi @ load
            assert_allclose(found[k, 0], scores[k, 0].numpy() + 0.05 * push, atol=1e-5)

    def test_an_alternation_that_grows_is_seen(self):
        bias, factors = torch.tensor([[[0.1, -0.1]], [[0.1, -0.1]]]), torch.tensor([-1.05, -0.95])[:, None, None]
        found = update_rate.alternates(RATE, lambda b, _: factors * b, torch.zeros(1), bias)
        assert found.tolist() == [True, False]

    def test_covariance_is_that_over_time(self):
        seen = torch.randn(41, 2, 3, 4, generator=torch.Generator().manual_seed(0))
        steps = iter(seen)
        found = sign_rule.covariance(lambda *_: next(steps), [torch.zeros(1)] * 41, seen[0], 1)
        after = seen[1:] - seen[1:].mean(dim=-1, keepdim=True)
        expected = after.numpy().astype(np.float64).var(axis=0).sum(axis=-1)
        assert_allclose(found.mean(axis=0), expected, rtol=1e-5)
        assert found.shape == (2, 2, 3)
        assert np.all(found[0] != found[1])


class TestRuns:
    """Real ones, soft: there a thousand tokens tell a susceptibility to a percent."""

    def test_onset(self, plans):
        p = replace(ONSET, cases=(SOFT.name,), batch_size=2000, steps=31)
        (part,) = prediction.parts(replace(PROFILE, prediction=p), plans("prediction"))
        found = ran(part)
        misses = prediction.misses(plans("prediction"), found, SOFT.name)
        assert abs(misses.mean()) < 0.06

    def test_update_rate(self, plans):
        p = replace(RATE, cases=(SOFT.name,), batch_size=8000, steps=3, turns=30, tokens=1200, bisections=7)
        (part,) = update_rate.parts(replace(PROFILE, update_rate=p), plans("update_rate"))
        found = ran(part)
        misses = update_rate.thresholds(plans("update_rate"), found, SOFT.name)
        assert abs(misses["batches"].mean()) < 0.1
        assert abs(misses["whole"].mean()) < 0.05

    def test_critical_weight(self, plans):
        p = replace(LOSS, cases=(SOFT.name,), alternating=(SOFT.name,), batch_size=4000, steps=21, tokens=1200,
                    unsafe_steps=3)  # fmt: skip
        (part,) = balance_loss.parts(replace(PROFILE, balance_loss=p), plans("balance_loss"))
        found = ran(part)
        assert abs(balance_loss.onsets(plans("balance_loss"), found, SOFT.name).mean()) < 0.1
        assert abs(balance_loss.largest(plans("balance_loss"), found, SOFT.name).mean()) < 0.1


class TestBands:
    @pytest.mark.parametrize("truth", BY_ERRORS, ids=name_of)
    def test_are_a_floor_and_a_share_of_the_standard_error(self, plans, truth):
        plan, moved = plans(name_of(truth)), changed(truth, floor=0.3, errors=0.5)
        errors = [plan[name] for name in plan.arrays if name.endswith(".error")]
        wanted = {round(0.3 + 0.5 * float(np.sqrt(2 * np.mean(each**2))), 12) for each in errors}
        found = truth.SUBJECT.findings(moved, plan, truth.planted(plan))
        bands = {round(each.accepted[1], 12) for each in found if each.accepted[0] == -each.accepted[1]}
        assert wanted <= bands

    @pytest.mark.parametrize("truth", BY_ERRORS, ids=name_of)
    def test_scatter_leaves_open(self, plans, truth):
        """A tenth of the routers, or of the tokens of each: the mean of so few lies anywhere in the band."""
        plan = plans(name_of(truth))
        found = truth.SUBJECT.findings(PROFILE, plan, truth.planted(plan, scatter=0.15))
        fixed = {value for name, value in vars(truth.PROFILE).items() if name.endswith("_band")}
        seen = {each.verdict.value for each in found if each.accepted not in fixed and not each.expected}
        assert seen == {"INCONCLUSIVE"}


class TestPictures:
    def test_show_what_was_measured(self, plans):
        drawn = dict[str, tuple[Any, Any]]()
        for truth in BY_ERRORS:
            plan = plans(name_of(truth))
            measured = truth.planted(plan)
            drawn |= {each.id: (each.figure, measured) for each in truth.SUBJECT.pictures(PROFILE, plan, measured)}
        for id, part, name, settings in (
            ("prediction", f"prediction/{ONSET.cases[0]}", "rates", ONSET.feedbacks),
            ("update-rate", f"update_rate/{RATE.cases[1]}", "multipliers", RATE.rates),
            ("balance-loss", f"balance_loss/{LOSS.cases[0]}", "rates", LOSS.weights),
        ):
            figure, measured = drawn[id]
            (bars,) = [each for each in figure.axes[0].containers if each.get_label() == part.split("/")[1]]
            x, y = bars.lines[0].get_data()
            assert_allclose(x, settings)
            assert_allclose(y, measured[part][name].mean(axis=0))
        figure, measured = drawn["sign-rule"]
        for label, name, settings in (("sign rule, at its effective rate", "sign", SIGN.shares),
                                      ("proportional rule", "proportional", SIGN.proportional)):  # fmt: skip
            x, y = line(figure, f"{label}, measured")
            assert_allclose(x, 0.5 * np.array(settings))
            assert_allclose(y, np.sqrt(measured["sign_rule/batches"][name].mean(axis=0)).mean(axis=0))

    def test_of_the_rules_show_what_was_predicted(self, plans):
        plan = plans("update_rate")
        (picture,) = update_rate.pictures(PROFILE, plan, update_rate_truth.planted(plan))
        x, y = line(picture.figure, "predicted, 1 − rλ_max")
        assert_array_equal(x, RATE.rates)
        assert_allclose(y, 1 - 2 * np.array(RATE.rates))
