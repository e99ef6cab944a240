"""The models and their loop: no model touches another, recorders see what happens, and rules do what they say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from moecusp.diagnosis import estimate_trajectory
from moecusp.routing import record
from tests.validation.trained.truth import TINY
from validation.trained.loop import Rule, fresh, restored, run, stored
from validation.trained.model import loss

NAMES = [("0", 5), ("1", 5), ("2", 5)]


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def bytes_of(models, seed=1):
    return torch.randint(0, 256, (models, 2, TINY.context), generator=generator(seed))


class TestModel:
    def test_no_model_touches_another(self):
        """The second of three gives what it gives alone, where chance decides next to nothing."""
        many, alone = fresh(TINY, NAMES), fresh(TINY, NAMES[1:2])
        inputs = bytes_of(3)
        both = [
            state.model(x, state.scores, state.offsets, 1e-9, generator())
            for state, x in ((many, inputs), (alone, inputs[1:2]))
        ]
        assert torch.allclose(both[0][0][1], both[1][0][0], atol=1e-6)
        assert torch.equal(both[0][1][1].share[1], both[1][1][1].share[0])

    def test_an_expert_is_sampled_from_the_softmax_of_logits_and_scores(self):
        state = fresh(TINY, NAMES[:1])
        state.scores[:, :, 0] = 1.0
        inputs = torch.randint(0, 256, (1, 3000, TINY.context), generator=generator(2))
        _, (first, _) = state.model(inputs, state.scores, state.offsets, 0.5, generator())
        expected = ((first.logits + state.scores[0][:, None]) / 0.5).softmax(-1).mean(dim=1)
        assert torch.allclose(first.share, expected, atol=0.01)

    def test_the_balance_loss_is_that_of_switch(self):
        state = fresh(TINY, NAMES)
        _, (first, _) = state.model(bytes_of(3), state.scores, state.offsets, 1.0, generator())
        p = first.logits.softmax(-1).mean(dim=1)
        by_hand = [4 * sum(first.share[m, i] * p[m, i] for i in range(4)) for m in range(3)]
        assert torch.allclose(first.switch(), torch.stack(by_hand))

    def test_the_loss_is_that_of_the_next_byte(self):
        scores = torch.randn(2, 5, 256, generator=generator())
        labels = torch.randint(0, 256, (2, 5), generator=generator())
        by_hand = torch.nn.functional.cross_entropy(scores.transpose(1, 2), labels, reduction="none").mean(dim=1)
        assert torch.allclose(loss(scores, labels), by_hand)


class TestLoop:
    def rule(self, increment=1.0, **changes: float) -> Rule:
        vector: dict[str, Any] = {name: np.full(3, value) for name, value in changes.items()}
        return replace(Rule(3, increment=increment), **vector)

    def test_scores_move_by_the_rule(self):
        """Every term of it, from the loads of the step."""
        state, seen = fresh(TINY, NAMES), []
        rule = self.rule(feedback=0.7, feedback_slope=0.05, decay=0.3, rate=0.2, sign=0.01, increment=0.4)

        def watch(_number, routed, _losses):
            seen.append((state.scores.clone(), torch.stack([each.share for each in routed])))

        run(state, rule, 3, rate=1e-3, batch=2, chance=generator(), watch=watch)
        ends = [scores for scores, _ in seen[1:]] + [state.scores]
        for n, ((s, f), end) in enumerate(zip(seen, ends, strict=True)):
            push = 0.4 * ((0.7 + 0.05 * n) * f - 0.3 * s) - 0.2 * (f - 0.25) - 0.01 * (f - 0.25).sign()
            assert torch.allclose(end, s + push.detach(), atol=1e-6)

    def test_recorded_scores_are_those_that_chose(self):
        """Then the rule is an identity of the record, and its coefficients come back exactly."""
        state = fresh(TINY, NAMES)
        rule = self.rule(feedback=1.1, decay=0.9, increment=0.1)
        with record(state.model, sample=0, batches=60) as recorder:
            run(state, rule, 60, rate=1e-3, batch=2, chance=generator(), watch=lambda *_: None)
        for each in recorder.trace():
            found = estimate_trajectory(each.bias, each.counts / each.tokens[:, None], increment=0.1)
            assert found.method == "identity"
            assert found.feedback.value == pytest.approx(1.1, rel=1e-4)
            assert found.decay.value == pytest.approx(0.9, rel=1e-3)

    def test_the_drift_is_seen_where_experts_are_chosen_and_nowhere_else(self):
        state = fresh(TINY, NAMES)
        start = state.offsets.clone()
        run(state, self.rule(drift=0.5), 4, rate=1e-3, batch=2, chance=generator(), watch=lambda *_: None)
        moved = state.offsets - start
        assert torch.allclose(moved[..., 0], torch.tensor(3 * 0.5 * 0.75))
        assert torch.allclose(moved[..., 1:], torch.tensor(-3 * 0.5 * 0.25))
        assert not state.scores.any()

    def test_it_learns(self):
        state, losses = fresh(TINY, NAMES), []
        run(state, self.rule(), 60, rate=0.01, batch=4, chance=generator(), watch=lambda *each: losses.append(each[2]))
        assert torch.stack(losses[-5:]).mean() < torch.stack(losses[:5]).mean() - 1.0

    def test_models_come_back_as_they_went(self):
        state = fresh(TINY, NAMES)
        state.scores[:] = torch.randn(2, 3, 4, generator=generator())
        kept = stored(state)
        back = restored(TINY, lambda name: kept[name], [2, 0, 2])
        inputs = bytes_of(3)
        before = state.model(inputs[[2, 0, 2]][[1, 0, 0]], state.scores, state.offsets, 1e-9, generator())[0]
        after = back.model(inputs[[0, 0, 2]], back.scores, back.offsets, 1e-9, generator())[0]
        assert torch.allclose(after[1], before[0], atol=1e-5)
        assert not back.scores.any()
