"""Standard errors of a softmax router's susceptibility: their definition, and the scatter over repetitions."""

from __future__ import annotations

import numpy as np
import pytest

import moecusp as mc


def by_definition(logits: np.ndarray, beta: float, block: int) -> np.ndarray:
    """The error of a mean over blocks of equal size, entry by entry."""
    each = np.array([mc.susceptibility(part, beta) for part in np.split(logits, len(logits) // block)])
    return np.asarray(each.std(axis=0, ddof=1) / np.sqrt(len(each)))


@pytest.mark.parametrize("block", [1, 4])
@pytest.mark.parametrize("beta", [0.7, 3.0])
def test_by_definition(block: int, beta: float, monkeypatch: pytest.MonkeyPatch) -> None:
    logits = np.random.default_rng(0).normal(size=(60, 4))
    expected = by_definition(logits, beta, block)
    for size in (1 << 17, 30):
        monkeypatch.setattr("moecusp._logits._BLOCK", size)
        found = mc.soft_susceptibility(logits, beta, block=block)
        np.testing.assert_allclose(found.susceptibility, mc.susceptibility(logits, beta), rtol=1e-13)
        np.testing.assert_allclose(found.standard_error, expected, rtol=1e-11)
        assert found.tokens == 60


def test_padding_and_batches() -> None:
    """With a mask the blocks are of unequal size: the error of a ratio of sums."""
    rng = np.random.default_rng(1)
    logits, kept = rng.normal(size=(2, 40, 3)), rng.random((2, 40)) < 0.7
    found = mc.soft_susceptibility(np.where(kept[..., None], logits, np.nan), 1.3, block=5, mask=kept)
    for row in range(2):
        chi = mc.susceptibility(logits[row][kept[row]], 1.3)
        off = []
        for start in range(0, 40, 5):
            part = slice(start, start + 5)
            n = int(kept[row, part].sum())
            off.append(n * (mc.susceptibility(logits[row, part][kept[row, part]], 1.3) - chi) if n else 0.0 * chi)
        groups = sum(bool(kept[row, s : s + 5].any()) for s in range(0, 40, 5))
        expected = np.sqrt(groups / (groups - 1) * np.square(off).sum(axis=0)) / kept[row].sum()
        np.testing.assert_allclose(found.susceptibility[row], chi, rtol=1e-13)
        np.testing.assert_allclose(found.standard_error[row], expected, rtol=1e-10)
    assert found.tokens.tolist() == kept.sum(axis=1).tolist()


def test_is_the_scatter_of_sequences() -> None:
    """Tokens of a sequence share half their variance: blocks see it, single tokens do not."""
    rng = np.random.default_rng(2)
    draws = np.repeat(rng.normal(size=(150, 64, 3)), 16, axis=1) + rng.normal(size=(150, 1024, 3))
    blocks, tokens = mc.soft_susceptibility(draws, block=16), mc.soft_susceptibility(draws)
    scatter = blocks.susceptibility.std(axis=0, ddof=1)
    np.testing.assert_allclose(blocks.standard_error.mean(axis=0), scatter, rtol=0.2)
    assert np.all(tokens.standard_error.mean(axis=0) < 0.8 * scatter)


def test_nearly_certain_tokens_keep_their_digits() -> None:
    found = mc.soft_susceptibility([[40.0, 0.0], [42.0, 0.0]])
    assert found.standard_error[0, 0] == pytest.approx((np.exp(-40.0) - np.exp(-42.0)) / 2.0, rel=1e-13, abs=0.0)
    assert found.standard_error[0, 1] == pytest.approx(found.standard_error[0, 0], rel=1e-13, abs=0.0)


def test_refusals_and_tensors() -> None:
    logits = np.random.default_rng(3).normal(size=(6, 3))
    for block in (6, 100):
        with pytest.raises(mc.ParameterError, match=rf"^block = {block}: .*two blocks of tokens in every batch"):
            mc.soft_susceptibility(logits, block=block)
    with pytest.raises(mc.ParameterError, match=r"^block = 0: .*an integer >= 1"):
        mc.soft_susceptibility(logits, block=0)
    with pytest.raises(mc.ParameterError, match=r"^inverse_temperature = 0"):
        mc.soft_susceptibility(logits, 0.0)
    torch = pytest.importorskip("torch")
    found = mc.soft_susceptibility(torch.tensor(logits, requires_grad=True), block=2)
    expected = mc.soft_susceptibility(logits, block=2)
    for ours, theirs in zip(found[:2], expected[:2], strict=True):
        np.testing.assert_allclose(np.asarray(ours), theirs, rtol=1e-15)
    assert mc.soft_susceptibility(logits.astype(np.float32)).standard_error.dtype == np.float32
