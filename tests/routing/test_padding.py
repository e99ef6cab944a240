"""Which tokens of a call count: frames of models and of their two stacks, masks, who takes tokens."""

# mypy: no-check-untyped-defs
# To mypy every attribute of a module is a tensor or a module.

from types import SimpleNamespace

import torch
from torch import nn

from moecusp.routing.padding import Frame, arguments_of, takes_tokens, valid
from moecusp.routing.sites import called_with_choices
from tests.routing.own import Called, Plain

MASK, TOKENS = torch.tensor([[0, 1, 1], [1, 1, 0]]), torch.zeros(2, 3).long()


class Stacks(nn.Module):
    def forward(self, input_ids, attention_mask=None, decoder_input_ids=None, decoder_attention_mask=None):
        raise NotImplementedError


class TestPadding:
    def test_of_a_call(self):
        assert Frame.of(arguments_of(Called()), (TOKENS, MASK), {}) == Frame((2, 3), MASK)
        assert Frame.of(arguments_of(Called()), (TOKENS,), {"attention_mask": MASK}) == Frame((2, 3), MASK)
        assert Frame.of(arguments_of(Called()), (), {"inputs_embeds": torch.zeros(2, 3, 8)}) == Frame((2, 3), None)
        assert Frame.of(arguments_of(Called()), (torch.zeros(3).long(), MASK), {}) == Frame(None, MASK)
        assert Frame.of(arguments_of(Called()), ([[1, 2]],), {}) == Frame(None, None)
        assert Frame.of(arguments_of(Plain()), (TOKENS,), {"attention_mask": 3}) == Frame(None, 3)

    def test_of_two_stacks(self):
        later = torch.zeros(2, 7).long()
        found = Frame.of(
            arguments_of(Stacks()), (TOKENS, MASK), {"decoder_input_ids": later, "decoder_attention_mask": 5}
        )
        assert found == Frame((2, 3), MASK, Frame((2, 7), 5))
        assert Frame.of(arguments_of(Stacks()), (TOKENS,), {}) == Frame((2, 3), None, Frame(None, None))

    def test_which_tokens_count(self):
        frame = Frame((2, 3), MASK)
        kept = [False, True, True, True, True, False]
        assert frame.valid(6).tolist() == kept
        longer = torch.cat([torch.tensor([[7, 0], [0, 0]]), MASK], dim=1)
        assert Frame((2, 3), longer).valid(6).tolist() == kept
        for other in (
            *(Frame((2, 3), None), Frame((2, 3), [[1, 1, 1]] * 2), Frame((2, 3), MASK[None]), Frame(None, MASK)),
            *(Frame((2, 4), MASK), Frame((3, 2), MASK), Frame((6, 1), MASK), Frame((1, 6), MASK)),
        ):
            assert other.valid(6) is None
        assert frame.valid(5) is None

    def test_the_innermost_call_that_fits_decides(self):
        inner, outer = Frame((2, 3), MASK), Frame((2, 3), 1 - MASK)
        kept = [False, True, True, True, True, False]

        def of(frames, tokens=6, stack="decoder"):
            found, unread = valid(frames, tokens, stack)
            return (None if found is None else found.tolist()), unread

        assert of([outer, inner]) == (kept, False)
        assert of([inner, Frame((9, 9), 3)]) == (kept, False)
        assert of([Frame((2, 3), 3), Frame((2, 3), None)]) == (None, True)
        assert of([Frame((2, 3), None)]) == of([]) == (None, False)
        both = Frame((2, 3), 1 - MASK, inner)
        assert of([both]) == (kept, False)
        assert of([both], stack="encoder") == ([not each for each in kept], False)
        assert of([Frame((2, 3), MASK, Frame(None, None))]) == (None, False)

    def test_who_takes_tokens(self):
        assert [takes_tokens(each) for each in (Called(), Stacks(), Plain(), nn.ReLU())] == [True, True, False, False]
        odd = nn.ReLU()
        odd.forward = dict.fromkeys  # has no signature to read
        for wrong in (odd, SimpleNamespace(forward=3)):
            assert takes_tokens(wrong) is False
            assert called_with_choices(wrong) is False
