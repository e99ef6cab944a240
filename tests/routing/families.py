"""A tiny random model of every mixture of experts in the installed transformers, from its configuration class."""

import importlib
import inspect
import pkgutil
import re
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from transformers import PretrainedConfig, PreTrainedModel

from moecusp.routing.adapters import READERS
from moecusp.routing.sites import CHOSEN, called_with_choices

EXPERTS, CHOICES, LAYERS, HIDDEN, VOCABULARY = 8, 2, 2, 32, 96

SIZES = {
    **dict.fromkeys(("hidden_size", "d_model", "n_embd", "embedding_size"), HIDDEN),
    **dict.fromkeys(("num_hidden_layers", "n_layers", "num_layers", "encoder_layers", "decoder_layers"), LAYERS),
    "num_decoder_layers": LAYERS,
    **dict.fromkeys(("num_attention_heads", "n_heads", "num_heads", "encoder_attention_heads"), 4),
    "decoder_attention_heads": 4,
    "num_key_value_heads": 4,
    **dict.fromkeys(("head_dim", "kv_channels", "d_kv", "qk_nope_head_dim", "v_head_dim", "qk_rope_head_dim"), 8),
    **dict.fromkeys(("intermediate_size", "d_ff", "ffn_dim", "encoder_ffn_dim", "decoder_ffn_dim"), HIDDEN),
    **dict.fromkeys(("moe_intermediate_size", "ffn_hidden_size", "expert_ffn_hidden_size"), 16),
    **dict.fromkeys(("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts"), EXPERTS),
    **dict.fromkeys(("num_experts_per_tok", "moe_topk", "moe_k", "top_k_experts", "moe_top_k"), CHOICES),
    **dict.fromkeys(("q_lora_rank", "kv_lora_rank", "o_lora_rank"), 16),
    **dict.fromkeys(("first_k_dense_replace", "num_dense_layers", "moe_layer_start_index"), 0),
    **dict.fromkeys(("encoder_sparse_step", "decoder_sparse_step", "moe_layer_interval"), 1),
    **dict.fromkeys(("num_sparse_encoder_layers", "num_sparse_decoder_layers"), LAYERS),
    **dict.fromkeys(("n_group", "num_expert_group"), 2),
    "topk_group": 1,
    "use_cache": False,
    "sliding_window": 8,
    "vocab_size": VOCABULARY,
    "max_position_embeddings": 64,
    "moe_latent_size": 16,
}
"""What a configuration is given where its class has a parameter of that name."""

SPARSE = {"mlp_layer_types": ["sparse"] * LAYERS}
MIXED = {"layer_types": ["linear_attention", "full_attention"]}
OWN: dict[str, dict[str, Any]] = {
    "bailing_hybrid": {"layer_group_size": 2, **SPARSE},
    "beam": SPARSE,
    "dbrx": {
        "attn_config": {"kv_n_heads": 4, "clip_qkv": 8, "rope_theta": 10000.0},
        "ffn_config": {"hidden_size": HIDDEN, "ffn_hidden_size": 16, "moe_num_experts": 8, "moe_top_k": 2},
    },
    "doge": {"is_moe": True, "num_experts": 16},
    "flint": {"mlp_only_layers": []},
    "gemma4": {"enable_moe_block": True, "hidden_size_per_layer_input": 0, "num_kv_shared_layers": 0},
    "jamba": {"attn_layer_period": 2, "attn_layer_offset": 1, "expert_layer_period": 1, "expert_layer_offset": 0},
    "kimi_linear": {**MIXED, **SPARSE},
    "ernie4_5_vl_moe": {
        "moe_intermediate_size": [16, 16],
        "rope_parameters": {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [1, 1, 2]},
    },
    "granitemoehybrid": {"mamba_n_heads": 4, "mamba_expand": 2, "layer_types": ["mamba", "attention"]},
    "lfm2_moe": {"layer_types": ["conv", "full_attention"]},
    "longcat_flash": {"zero_expert_num": 3},
    **dict.fromkeys(("qwen3_5_moe", "qwen3_next"), MIXED),
    "qwen4_exp": {"layer_types": ["linear_attention", "linear_attention"], "num_hidden_layers": LAYERS},
    "step3p7": {**SPARSE, "layer_types": ["full_attention", "sliding_attention"]},
    "dots1": {"n_shared_experts": 1},
    "glm5_next": {"qk_rope_head_dim": 0, **SPARSE},
    "deepseek_ocr2": SPARSE,
    "hy_v4_vl": {"rope_parameters": {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [2, 1, 1]}},
    "glm4v_moe": {
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": 1e4,
            "mrope_section": [2, 1, 1],
            "partial_rotary_factor": 1.0,
        }
    },
    "mimo_v2_flash": {"num_key_value_heads": 2, "sliding_window": 128},
    "zaya": {"num_experts_per_tok": 1},
}
"""What the configuration of one family is given besides."""


PAGE = Path(__file__).parents[2] / "docs" / "families.md"
KNOWN = f"transformers {transformers.__version__}" in (PAGE.read_text(encoding="utf-8") if PAGE.exists() else "")
"""Whether the installed transformers is the one whose families the page lists."""

PARTS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "qwen3_omni_moe_talker": ("qwen3_omni_moe", "Qwen3OmniMoeTalkerModel", {"shared_expert_intermediate_size": 16}),
}
"""Models with experts of another kind than their family's first: package, class, and what its configuration lacks."""


def families():
    """Return the model types whose modeling file has experts that a router chooses, and their parts, in order."""
    found = []
    root = Path(transformers.__file__).parent / "models"
    signature = re.compile(rf"hidden_states[^,)]*,\s*({'|'.join(CHOSEN)})\b")
    for package in sorted(m.name for m in pkgutil.iter_modules([str(root)]) if m.ispkg):
        for file in (root / package).glob("modeling_*.py"):
            text = file.read_text(encoding="utf-8")
            if any(signature.search(part) for part in text.split("def forward(")[1:]) or any(
                f"class {name}(" in text for name in READERS
            ):
                found.append(package)
                break
    return sorted([*found, *(part for part, (package, *_) in PARTS.items() if package in found)])


def experts_classes(family):
    """Return the classes of a package whose modules are called with the chosen experts, from the text."""
    folder = Path(transformers.__file__).parent / "models" / family
    text = "".join(file.read_text(encoding="utf-8") for file in sorted(folder.glob("modeling_*.py")))
    parts = re.split(r"^class (\w+)", text, flags=re.M)
    call = re.compile(rf"def forward\(\s*self,\s*hidden_states[^,)]*,\s*({'|'.join(CHOSEN)})\b")
    return {name for name, body in zip(parts[1::2], parts[2::2], strict=True) if call.search(body)}


def _classes(family):
    """Return the model classes of a family that make sense of text, simplest first."""
    found = []
    root = Path(transformers.__file__).parent / "models" / family
    for file in sorted(root.glob("modeling_*.py")):
        module = importlib.import_module(f"transformers.models.{family}.{file.stem}")
        for name, kind in vars(module).items():
            own = inspect.isclass(kind) and issubclass(kind, PreTrainedModel) and kind.__module__ == module.__name__
            if own and getattr(kind, "config_class", None) is not None and "PreTrained" not in name:
                found.append(kind)
    order = ("ForCausalLM", "TextModel", "ForConditionalGeneration", "Model", "")

    def place(kind):
        return next(i for i, end in enumerate(order) if kind.__name__.endswith(end)), len(kind.__name__), kind.__name__

    return sorted(found, key=place)


def configuration(kind, **more):
    """Return a small configuration of a class."""
    if not issubclass(kind, PretrainedConfig):
        raise TypeError(kind)
    names = set(inspect.signature(kind).parameters)
    mapped = dict(getattr(kind, "attribute_map", {}) or {})
    given = {name: size for name, size in {**SIZES, **more}.items() if name in names or name in mapped}
    given = {name: size for name, size in given.items() if mapped.get(name) not in given}
    for name in ("pad_token_id", "bos_token_id", "eos_token_id"):
        if name in names:
            given[name] = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}[name]
    return kind(**given)


def build(family, seed=0, **more):
    """Return a tiny random model of a family, in training precision, or raise RuntimeError with the reasons."""
    reasons = []
    family, named, lacking = PARTS.get(family, (family, "", {}))
    for kind in _classes(family):
        if named not in ("", kind.__name__):
            continue
        try:
            chosen = configuration(kind.config_class, **OWN.get(family, {}), **more)
            vars(chosen).update(lacking)
            with torch.device("meta"):
                large = sum(p.numel() for p in kind(chosen).parameters())
            if large > 10_000_000:
                raise ValueError(f"{large} parameters")
            torch.manual_seed(seed)
            model = kind(chosen).eval()
            if not any(routed(module) for module in model.modules()):
                raise ValueError("no experts")
            scatter(model, seed)
            call(model)
            return model
        except Exception as error:
            reasons.append(f"{kind.__name__}: {type(error).__name__}: {str(error)[:300]}")
    raise RuntimeError("\n".join(reasons))


def needed(family, **more):
    """Return what `build` does; skip the test where an older transformers cannot build it."""
    try:
        return build(family, **more)
    except RuntimeError as error:
        if KNOWN:
            raise
        pytest.skip(f"transformers {transformers.__version__} cannot build it: {str(error)[:100] or 'it is not there'}")


def routed(module):
    """Whether a module has experts that a router chooses."""
    return called_with_choices(module) or type(module).__name__ in READERS


@torch.no_grad()
def scatter(model, seed=0):
    """Give every parameter and selection bias random values, so that routing is not even and not tied."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        parameter.copy_(torch.randn(parameter.shape, generator=generator) * (0.3 if parameter.ndim > 1 else 0.1))
        if parameter.ndim == 1 and "norm" in name:
            parameter.add_(1)
    for name, buffer in model.named_buffers():
        if name.endswith(("correction_bias", "expert_bias", "balancing_biases")):
            buffer.copy_(torch.randn(buffer.shape, generator=generator) * 0.1)
        if name.endswith("tid2eid"):
            rows = [torch.randperm(EXPERTS, generator=generator)[: buffer.shape[1]] for _ in range(buffer.shape[0])]
            buffer.copy_(torch.stack(rows))


def tokens(rows=2, length=8, seed=0):
    """Return random tokens."""
    return torch.randint(3, VOCABULARY, (rows, length), generator=torch.Generator().manual_seed(seed))


def call(model, ids=None, mask=None, **more):
    """Run a model on tokens, both stacks if it has two."""
    ids = tokens() if ids is None else ids
    named = {"input_ids": ids, "attention_mask": torch.ones_like(ids) if mask is None else mask, **more}
    if getattr(model.config, "is_encoder_decoder", False):
        named["decoder_input_ids"] = ids
    if hasattr(model, "codec_embedding"):  # a talker; given ids it looks for an embedding that it has not
        named["inputs_embeds"] = model.codec_embedding(named.pop("input_ids"))
    if "moe_mm_token_type_ids" in inspect.signature(model.forward).parameters:
        named["moe_mm_token_type_ids"] = (ids % 2).int()  # every other token is part of an image
    return model(**named)
