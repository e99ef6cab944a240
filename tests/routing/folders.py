"""A folder as a stranger has it: a small mixture of transformers, trained a little, and its tokenizer, both saved."""

import random
import warnings

import torch

from tests.routing import families

WORDS = (
    "the a quick slow brown grey fox dog owl jumps runs sleeps over under near lazy happy old tree river house".split()
)


def text(lines=200, seed=0):
    """Return lines of made-up sentences."""
    generator = random.Random(seed)
    return "".join(" ".join(generator.choices(WORDS, k=generator.randint(4, 9))) + ".\n" for _ in range(lines))


def tokenizer():
    """Return a tokenizer of 280 byte pairs, learnt from the sentences; it begins every text with <s>."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=280, special_tokens=["<s>", "</s>"], initial_alphabet=alphabet, show_progress=False
    )
    made.train_from_iterator([text(seed=1)], trainer)
    made.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    return PreTrainedTokenizerFast(tokenizer_object=made, bos_token="<s>", eos_token="</s>")


def trained(family, tokens, steps=20):
    """Return a small model of a family after some steps on the sentences, and its losses."""
    torch.manual_seed(0)
    model = families.build(family, vocab_size=len(tokens))
    model.train()
    ids = torch.tensor(tokens(text(seed=2), add_special_tokens=False).input_ids)[: 32 * 32].reshape(32, 32)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    losses = []
    for step in range(steps):
        batch = ids[8 * (step % 4) : 8 * (step % 4) + 8]
        loss = model(input_ids=batch, labels=batch).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    return model.eval(), losses


def write(folder, family):
    """Write such a folder; return the model and its tokenizer."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tokens = tokenizer()
        model, losses = trained(family, tokens)
        assert losses[-1] < 0.8 * losses[0], losses
        model.save_pretrained(folder)
        tokens.save_pretrained(folder)
        return model, tokens
