"""FSFM's face encoder in PyTorch: the opponent of Falsetto's `fsfm` encoder. A plain vision transformer with the
parameter names of the published files.

    faces [T,3,S,S] - patches - class token, positions - L pre-norm layers - mean over patches, LayerNorm -> [T,D]
"""

import math
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

import weights

EPS = 1e-6


@dataclass(frozen=True)
class Config:
    dim: int = 768
    ffn: int = 3072
    heads: int = 12
    layers: int = 12
    patch: int = 16
    grid: int = 14
    class_token: bool = False  # the feature: normed class token instead of normed mean


SIZES = {
    "vit-s": Config(dim=384, ffn=1536),
    "vit-b": Config(),
    "vit-l": Config(dim=1024, ffn=4096, heads=16, layers=24),
}


class Attention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x):
        q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        return self.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class FeedForward(nn.Module):
    def __init__(self, dim, ffn):
        super().__init__()
        self.fc1 = nn.Linear(dim, ffn)
        self.fc2 = nn.Linear(ffn, dim)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x)))


class Layer(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.norm1 = nn.LayerNorm(config.dim, EPS)
        self.attn = Attention(config.dim, config.heads)
        self.norm2 = nn.LayerNorm(config.dim, EPS)
        self.mlp = FeedForward(config.dim, config.ffn)

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class Patches(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.proj = nn.Conv2d(3, config.dim, config.patch, config.patch)

    def forward(self, x):
        return self.proj(x).flatten(2).transpose(1, 2)


class FaceTransformer(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.patch_embed = Patches(config)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, config.dim))
        self.pos_embed = nn.Parameter(torch.zeros(1, config.grid ** 2 + 1, config.dim))
        self.blocks = nn.ModuleList(Layer(config) for _ in range(config.layers))
        self.add_module("norm" if config.class_token else "fc_norm", nn.LayerNorm(config.dim, EPS))

    def forward(self, faces):
        x = self.patch_embed(weights.cast(self, faces)[0])
        x = torch.cat((self.cls_token.expand(x.shape[0], -1, -1), x), dim=1) + self.pos_embed
        for block in self.blocks:
            x = block(x)
        if self.config.class_token:
            return self.norm(x[:, 0])
        return self.fc_norm(x[:, 1:].mean(dim=1))


def network(config, state=None, stream=None):
    return weights.filled(lambda: FaceTransformer(config), state)


def prepared(state):
    """A pre-trained file has no norm for the mean: upstream starts with a plain standardisation."""
    state = weights.below(state, "patch_embed.proj.weight")
    if "fc_norm.weight" not in state and "head.weight" not in state:
        dim = state["cls_token"].shape[-1]
        state |= {"fc_norm.weight": torch.ones(dim), "fc_norm.bias": torch.zeros(dim)}
    return state


def config_of(state, heads):
    dim, _, patch, _ = state["patch_embed.proj.weight"].shape
    return Config(dim=dim, ffn=state["blocks.0.mlp.fc1.weight"].shape[0], heads=heads, patch=patch,
                  layers=weights.layers(state, r"blocks\.(\d+)\."), grid=math.isqrt(state["pos_embed"].shape[1]),
                  class_token="fc_norm.weight" not in state)


def golden(goldens, entry):
    state = prepared(goldens.state(entry["weights"]))
    return network(config_of(state, goldens.case(entry)["config"]["num_heads"]), state)
