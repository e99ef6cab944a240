"""The subject joint: predictions from the stored weights by NumPy, data that do not overlap, real runs, its picture."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from tests.validation.planted import line
from tests.validation.routers import joint_truth
from tests.validation.routers.joint_truth import PROFILE as P
from tests.validation.routers.joint_truth import planted
from tests.validation.routers.truth import PROFILE, changed
from validation.routers import joint
from validation.routers.mixture import copies, load
from validation.streams import stream

BETA, MU = P.inverse_temperature, P.decay


@pytest.fixture(scope="module", name="plan")
def _plan(plans):
    return plans("joint")


def shares(plan, case, tokens, bias=0.0):
    """Return the probabilities (seeds, tokens, experts) of the stored gates, with a bias (seeds, experts) more."""
    key = f"joint.{case}"
    hidden = np.tanh(tokens @ plan[f"{key}.gates.layers.0"].swapaxes(1, 2))
    more = (plan[f"{key}.bias"] + bias)[:, None]
    logits = hidden @ plan[f"{key}.gates.layers.1"].swapaxes(1, 2) + more
    weight = np.exp(BETA * logits)
    return weight / weight.sum(axis=-1, keepdims=True)


@pytest.mark.parametrize("case", P.cases)
class TestPredictions:
    def test_come_from_held_out_tokens(self, plan, case):
        data, uneven = load(case[:-2], P.text_tokens, P.classes), np.zeros((P.seeds, int(case[-1])))
        tokens = data.held.double().numpy()
        assert abs(shares(plan, case, tokens).mean(axis=1) - 1 / uneven.shape[1]).max() > 1e-3
        for _ in range(300):  # biases of their own: uneven loads answer more
            uneven -= 0.5 * np.log(uneven.shape[1] * shares(plan, case, tokens, uneven).mean(axis=1)) / BETA
        p = shares(plan, case, tokens, uneven)
        chi = BETA * (np.eye(p.shape[-1]) * p.mean(axis=1)[:, None] - np.einsum("sti,stj->sij", p, p) / p.shape[1])
        assert_allclose(plan[f"joint.{case}.critical"], MU / np.linalg.eigvalsh(chi)[:, -1], rtol=1e-4)

    def test_loads_of_the_tokens_trained_on_are_even(self, plan, case):
        data = load(case[:-2], P.text_tokens, P.classes)
        assert_allclose(shares(plan, case, data.train.double().numpy()).mean(axis=1), 1 / int(case[-1]), atol=1e-5)

    def test_training_has_moved_it(self, plan, case):
        assert np.all(plan[f"joint.{case}.critical"] > plan[f"joint.{case}.untrained"])


def test_training_has_taught(plan):
    assert np.all(plan["joint.digits.2.accuracy"] > 3 * plan.number("joint.digits.2.majority"))


class TestData:
    @pytest.mark.parametrize("name", ["digits", "text"])
    def test_no_token_is_on_both_sides(self, name):
        data = load(name, P.text_tokens, P.classes)
        assert len(data.train) == len(data.train_labels)
        assert abs(len(data.train) - len(data.held)) <= 1
        if name == "digits":
            both = torch.cat([data.train, data.held])
            assert len(both) == 1797

    def test_labels_of_the_text_are_the_next_bytes(self):
        data = load("text", 400, 9)
        assert data.classes == 9
        counts = torch.bincount(data.train_labels[data.train_labels < 8])
        assert counts[0] == counts.max()  # the most frequent byte, the space


class TestRuns:
    def test_copies_are_the_stored_mixtures(self, plan):
        data = load("digits", 0, 0)
        model = copies(plan, "joint.digits.2", 3, BETA)
        with torch.no_grad():
            found = torch.softmax(BETA * model.logits(data.held.expand(P.seeds, -1, -1)), dim=-1).numpy()
        expected = shares(plan, "digits.2", data.held.double().numpy())
        assert_allclose(found, expected[:, None].repeat(3, axis=1), atol=1e-5)
        for key in ("first", "second", "first_bias", "second_bias"):
            stored = plan[f"joint.digits.2.experts.{key}"]
            assert_allclose(getattr(model.experts, key)[:, 1].detach().numpy(), stored, atol=1e-6)

    def test_the_loss_is_the_cross_entropy_of_mixed_class_scores(self, plan):
        model, data = copies(plan, "joint.digits.2", 1, BETA), load("digits", 0, 0)
        tokens, labels = data.train[:5].expand(P.seeds, -1, -1), data.train_labels[:5].expand(P.seeds, -1)
        scores = torch.tensor([0.3, -0.2]).expand(P.seeds, 1, 2)
        with torch.no_grad():
            loss, share = model.loss(tokens, labels, scores)
            p = torch.softmax(BETA * (model.logits(tokens) + scores[..., None, :]), dim=-1)
            each = model.experts(tokens)  # seeds, 1, experts, classes, tokens
            mixed = (each * p.mT[..., None, :]).sum(dim=2)[:, 0]
            log_p = mixed.log_softmax(dim=1)
            expected = -log_p.gather(1, labels[:, None]).squeeze(1).mean(dim=1).sum()
        assert float(loss) == pytest.approx(float(expected), rel=1e-5)
        assert_allclose(share.numpy(), p.mean(dim=-2).numpy(), atol=1e-6)

    @pytest.mark.parametrize("case", P.cases)
    def test_onsets_are_near(self, plan, case):
        p = replace(P, growth_batch_size=400, growth_steps=8)
        found: Any = {f"joint/{case}": joint.measure(p, plan, case, stream("t", "t", 0, 0), lambda _: None)}
        assert joint.onsets(p, found, case).mean() == pytest.approx(1.0, abs=0.15)

    def test_fast_training_is_felt(self, plan):
        """What the profile's learning rate keeps small: the gate answers an imbalance, which steadies it."""
        seen = []
        for rate in (0.0001, 3.0):
            p = replace(P, learning_rate=rate, growth_batch_size=200)
            found: Any = {"joint/digits.2": joint.measure(p, plan, "digits.2", stream("t", "t", 0, 0), lambda _: None)}
            seen.append(joint.onsets(p, found, "digits.2").mean())
        assert seen[1] > seen[0] + 0.05


def test_a_shift_too_small_to_be_told_is_not_judged(plan):
    moved = {case: (plan[f"joint.{case}.critical"] / plan[f"joint.{case}.untrained"]).mean() - 1 for case in P.cases}
    between = 0.5 * sum(moved.values())
    assert moved["text.3"] < between < moved["digits.2"]
    found = joint.findings(changed(joint_truth, told=between), plan, planted(plan))
    assert [each.id for each in found if "shift" in each.id] == ["joint.shift.digits.2"]
    assert {f"joint.critical.{case}" for case in P.cases} < {each.id for each in found}


def test_the_picture_shows_the_measured_onsets(plan):
    measured = planted(plan)
    (drawn,) = joint.pictures(PROFILE, plan, measured)
    x, y = line(drawn.figure, "text.3, from held-out tokens")
    assert_array_equal(x, plan["joint.text.3.critical"])
    assert_allclose(y, joint.onsets(P, measured, "text.3") * plan["joint.text.3.critical"])
