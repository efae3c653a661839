"""CLIP's image tower in PyTorch: the opponent of Falsetto's `clip` encoder. The network is Hugging Face's own."""

import math

from torch import nn
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

import weights

_LARGE = dict(hidden_size=1024, intermediate_size=4096, num_hidden_layers=24, num_attention_heads=16, patch_size=14,
              projection_dim=768)
SIZES = {
    "vit-b-32": dict(projection_dim=512),
    "vit-b-16": dict(projection_dim=512, patch_size=16),
    "vit-l-14": _LARGE,
    "vit-l-14-336": _LARGE | dict(image_size=336),
}


class Projected(nn.Module):
    """Pictures [T,3,S,S] -> projected class tokens [T,E]."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, pictures):
        return self.model(weights.cast(self, pictures)[0]).image_embeds


def network(options, state=None, stream=None):
    config = CLIPVisionConfig(**options, attn_implementation="sdpa")
    return Projected(weights.filled(lambda: CLIPVisionModelWithProjection(config), state)).eval()


_ORIGINAL_NAMES = [
    (r"^visual\.class_embedding$", "vision_model.embeddings.class_embedding"),
    (r"^visual\.positional_embedding$", "vision_model.embeddings.position_embedding.weight"),
    (r"^visual\.conv1\.", "vision_model.embeddings.patch_embedding."),
    (r"^visual\.ln_pre\.", "vision_model.pre_layrnorm."),
    (r"^visual\.ln_post\.", "vision_model.post_layernorm."),
    (r"^visual\.transformer\.resblocks\.(\d+)\.ln_([12])\.", r"vision_model.encoder.layers.\1.layer_norm\2."),
    (r"^visual\.transformer\.resblocks\.(\d+)\.attn\.", r"vision_model.encoder.layers.\1.self_attn."),
    (r"^visual\.transformer\.resblocks\.(\d+)\.mlp\.c_fc\.", r"vision_model.encoder.layers.\1.mlp.fc1."),
    (r"^visual\.transformer\.resblocks\.(\d+)\.mlp\.c_proj\.", r"vision_model.encoder.layers.\1.mlp.fc2."),
]


def prepared(state):
    """Hugging Face's names, from those or from OpenAI's and open_clip's."""
    if not any(name.endswith("visual.conv1.weight") for name in state):
        return weights.below(state, "vision_model.embeddings.patch_embedding.weight")
    state = weights.below(state, "visual.conv1.weight")
    state["visual_projection.weight"] = state.pop("visual.proj").T.contiguous()
    state = weights.split_rows(state, r"^(visual.*)in_proj_(weight|bias)$", [rf"\1{part}_proj.\2" for part in "qkv"])
    return weights.renamed(state, _ORIGINAL_NAMES)


def config_of(state, heads, gelu):
    """Everything but the number of heads and the activation can be read off the shapes."""
    width, _, patch, _ = state["vision_model.embeddings.patch_embedding.weight"].shape
    grid = math.isqrt(state["vision_model.embeddings.position_embedding.weight"].shape[0])
    return dict(hidden_size=width, intermediate_size=state["vision_model.encoder.layers.0.mlp.fc1.weight"].shape[0],
                num_hidden_layers=weights.layers(state, r"vision_model\.encoder\.layers\.(\d+)\."),
                num_attention_heads=heads, patch_size=patch, image_size=grid * patch,
                projection_dim=state["visual_projection.weight"].shape[0], hidden_act=gelu)


def golden(goldens, entry):
    state, case = goldens.state(entry["weights"]), goldens.case(entry)["config"]
    if state is None:
        return None  # a TorchScript archive: the same weights are there as a state dict
    state = prepared(state)
    act = case.get("act", case.get("hidden_act"))
    heads = case.get("heads") or case.get("vision_heads") or case.get("num_attention_heads")
    return network(config_of(state, heads, "gelu" if "erf" in act else "quick_gelu"), state)
