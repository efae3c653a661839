"""VideoMAE in PyTorch: the opponent of Falsetto's `videomae` encoder. The network is Hugging Face's own."""

import torch
from torch import nn
from transformers import VideoMAEConfig, VideoMAEModel

import weights

_OFFICIAL = dict(use_mean_pooling=False, layer_norm_eps=1e-6)
SIZES = {
    "base": _OFFICIAL,
    "large": _OFFICIAL | dict(hidden_size=1024, intermediate_size=4096, num_hidden_layers=24, num_attention_heads=16),
    "huge": _OFFICIAL | dict(hidden_size=1280, intermediate_size=5120, num_hidden_layers=32, num_attention_heads=16),
}


class Steps(nn.Module):
    """Frames [16,3,S,S] -> mean over the patches of each pair of frames, [8,D]."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, frames):
        tokens = self.model(weights.cast(self, frames[None])[0]).last_hidden_state[0]
        return tokens.unflatten(0, (self.model.config.num_frames // self.model.config.tubelet_size, -1)).mean(dim=1)


def network(options, state=None, stream=None):
    config = VideoMAEConfig(**options, attn_implementation="sdpa")
    return Steps(weights.filled(lambda: VideoMAEModel(config), state)).eval()


_ORIGINAL_NAMES = [
    (r"^patch_embed\.proj\.", "embeddings.patch_embeddings.projection."),
    (r"^blocks\.(\d+)\.norm1\.", r"encoder.layer.\1.layernorm_before."),
    (r"^blocks\.(\d+)\.norm2\.", r"encoder.layer.\1.layernorm_after."),
    (r"^blocks\.(\d+)\.attn\.([qv])_bias$", r"encoder.layer.\1.attention.attention.\2_bias"),
    (r"^blocks\.(\d+)\.attn\.proj\.", r"encoder.layer.\1.attention.output.dense."),
    (r"^blocks\.(\d+)\.mlp\.fc1\.", r"encoder.layer.\1.intermediate.dense."),
    (r"^blocks\.(\d+)\.mlp\.fc2\.", r"encoder.layer.\1.output.dense."),
    (r"^norm\.", "layernorm."),
]
_BIASES = [(r"attention\.q_bias$", "attention.query.bias"), (r"attention\.v_bias$", "attention.value.bias")]


def prepared(state):
    """The library's present names, from the published Hugging Face files or the original ones."""
    if any(name.endswith("patch_embed.proj.weight") for name in state):
        state = weights.below(state, "patch_embed.proj.weight")
        parts = [rf"encoder.layer.\1.attention.attention.{part}.weight" for part in ("query", "key", "value")]
        state = weights.split_rows(state, r"^blocks\.(\d+)\.attn\.qkv\.weight$", parts)
        state = weights.renamed(state, _ORIGINAL_NAMES)
    else:
        state = weights.below(state, "embeddings.patch_embeddings.projection.weight")
    return weights.renamed(state, _BIASES)


def config_of(state, heads, eps, side, frames=16):
    """The rest can be read off the shapes. Fine-tuned files norm after pooling, that is not here."""
    width, _, tubelet, patch, _ = state["embeddings.patch_embeddings.projection.weight"].shape
    return dict(hidden_size=width, intermediate_size=state["encoder.layer.0.intermediate.dense.weight"].shape[0],
                num_hidden_layers=weights.layers(state, r"encoder\.layer\.(\d+)\."), num_attention_heads=heads,
                patch_size=patch, tubelet_size=tubelet, image_size=side, num_frames=frames, layer_norm_eps=eps,
                use_mean_pooling="layernorm.weight" not in state)


class OfBatch(nn.Module):
    """Golden inputs: [1,16,3,S,S], or [1,3,16,S,S] for the original files."""

    def __init__(self, steps):
        super().__init__()
        self.steps = steps

    def forward(self, clip):
        return self.steps(clip[0] if clip.shape[2] == 3 else clip[0].transpose(0, 1))


def golden(goldens, entry):
    state, case = prepared(goldens.state(entry["weights"])), goldens.case(entry)["config"]
    heads = case.get("num_heads") or case.get("num_attention_heads")
    eps = case.get("ln_eps") or case.get("layer_norm_eps")
    return OfBatch(network(config_of(state, heads, eps, case["image_size"]), state))
