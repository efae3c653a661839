"""BRAVEn (and RAVEn) in PyTorch: the opponent of Falsetto's `braven` encoder. Auto-AVSR is made of the same parts.

    mouths [T,88,88] or waveform [samples] - ResNet-18 - Linear, times sqrt(D) - L layers - LayerNorm -> [T,D]

A layer is pre-norm with attention over relative positions; which further parts it has is told by the tensors of a file:
layer scale and batch norm (BRAVEn), or a second feed-forward, a convolution module and a closing norm (Auto-AVSR's
conformer). Parameter names are those of the published files, below `encoder.` where they have that prefix.
"""

import math
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

import weights
from resnet_torch import front_end, is_video, widths_of

EPS = 1e-12  # of every LayerNorm


@dataclass(frozen=True)
class Config:
    dim: int
    ffn: int
    heads: int
    layers: int
    video: bool
    conformer: bool = False
    widths: tuple = (64, 64, 128, 256, 512)
    kernel: int = 31  # of the convolution module
    normalised: bool = False  # the waveform, over the clip


_BASE = dict(dim=512, ffn=2048, heads=8, layers=12)
_LARGE = dict(dim=1024, ffn=4096, heads=16, layers=24)
SIZES = {
    "base-video": Config(**_BASE, video=True),
    "base-audio": Config(**_BASE, video=False),
    "large-video": Config(**_LARGE, video=True),
    "large-audio": Config(**_LARGE, video=False),
}


class BatchNorm(nn.BatchNorm1d):
    """Batch norm over the channels of [B,T,D]."""

    def forward(self, x):
        return super().forward(x.transpose(1, 2)).transpose(1, 2)


class RelativeAttention(nn.Module):
    """Transformer-XL attention: score_ij = ((q_i + u).k_j + (q_i + v).p_{i-j}) / sqrt(d)."""

    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.linear_q = nn.Linear(dim, dim)
        self.linear_k = nn.Linear(dim, dim)
        self.linear_v = nn.Linear(dim, dim)
        self.linear_out = nn.Linear(dim, dim)
        self.linear_pos = nn.Linear(dim, dim, bias=False)
        self.pos_bias_u = nn.Parameter(torch.zeros(heads, dim // heads))
        self.pos_bias_v = nn.Parameter(torch.zeros(heads, dim // heads))

    def split(self, x):
        """[B,T,D] -> [B,H,T,D/H]"""
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def forward(self, x, table):
        """x [B,T,D], table [1,2T-1,D] with the distance T-1 first"""
        q, k, v = (self.split(project(x)) for project in (self.linear_q, self.linear_k, self.linear_v))
        positions = self.split(self.linear_pos(table))
        scale = 1 / math.sqrt(q.shape[-1])
        by_distance = (q + self.pos_bias_v[:, None]) * scale @ positions.transpose(-1, -2)
        x = F.scaled_dot_product_attention(q + self.pos_bias_u[:, None], k, v, attn_mask=by_key(by_distance))
        return self.linear_out(x.transpose(1, 2).flatten(2))


def by_key(by_distance):
    """[B,H,T,2T-1] with column r of row i for the distance T-1-r -> [B,H,T,T] with column j for key j: r = T-1-i+j.
    Padding one column and reading the block in rows of 2T-1 moves each row one further left than the last."""
    batch, heads, rows, columns = by_distance.shape
    flat = F.pad(by_distance, (0, 1)).flatten(2)[:, :, rows - 1:]
    return flat[:, :, :rows * columns].unflatten(2, (rows, columns))[:, :, :, :rows]


class FeedForward(nn.Module):
    def __init__(self, dim, ffn):
        super().__init__()
        self.w_1 = nn.Linear(dim, ffn)
        self.w_2 = nn.Linear(ffn, dim)

    def forward(self, x):
        return self.w_2(F.relu(self.w_1(x)))


class ConvModule(nn.Module):
    """Gated linear unit, filter over time, batch norm, swish; the spelling of the names is upstream's."""

    def __init__(self, dim, kernel):
        super().__init__()
        self.pointwise_cov1 = nn.Conv1d(dim, 2 * dim, 1)
        self.depthwise_conv = nn.Conv1d(dim, dim, kernel, padding=(kernel - 1) // 2, groups=dim)
        self.norm = nn.BatchNorm1d(dim)
        self.pointwise_cov2 = nn.Conv1d(dim, dim, 1)

    def forward(self, x):
        x = F.glu(self.pointwise_cov1(x.transpose(1, 2)), dim=1)
        x = F.silu(self.norm(self.depthwise_conv(x)))
        return self.pointwise_cov2(x).transpose(1, 2)


class ScaledLayer(nn.Module):
    """BRAVEn's layer: layer scale, and a batch norm before the feed-forward."""

    def __init__(self, config):
        super().__init__()
        dim = config.dim
        self.self_attn = RelativeAttention(dim, config.heads)
        self.feed_forward = FeedForward(dim, config.ffn)
        self.norm_mha = nn.LayerNorm(dim, EPS)
        self.norm_ff = BatchNorm(dim)
        self.gamma_mha = nn.Parameter(torch.full((dim,), 0.1))
        self.gamma_ff = nn.Parameter(torch.full((dim,), 0.1))

    def forward(self, x, table):
        x = x + self.gamma_mha * self.self_attn(self.norm_mha(x), table)
        return x + self.gamma_ff * self.feed_forward(self.norm_ff(x))


class ConformerLayer(nn.Module):
    """Auto-AVSR's layer: half a feed-forward, attention, convolution, half a feed-forward, norm."""

    def __init__(self, config):
        super().__init__()
        dim = config.dim
        self.self_attn = RelativeAttention(dim, config.heads)
        self.feed_forward = FeedForward(dim, config.ffn)
        self.feed_forward_macaron = FeedForward(dim, config.ffn)
        self.conv_module = ConvModule(dim, config.kernel)
        for norm in ("norm_ff", "norm_mha", "norm_ff_macaron", "norm_conv", "norm_final"):
            self.add_module(norm, nn.LayerNorm(dim, EPS))

    def forward(self, x, table):
        x = x + 0.5 * self.feed_forward_macaron(self.norm_ff_macaron(x))
        x = x + self.self_attn(self.norm_mha(x), table)
        x = x + self.conv_module(self.norm_conv(x))
        x = x + 0.5 * self.feed_forward(self.norm_ff(x))
        return self.norm_final(x)


def relative_table(rows, dim):
    """[1,2 rows - 1,dim]: sines and cosines of the distances rows-1 .. -(rows-1)."""
    distance = torch.arange(rows - 1, -rows, -1, dtype=torch.float64)[:, None]
    angle = distance * torch.exp(torch.arange(0, dim, 2, dtype=torch.float64) * (-math.log(10000) / dim))
    return torch.stack((angle.sin(), angle.cos()), dim=-1).flatten(1)[None].float()


class Branch(nn.Module):
    """One encoder: mouths [T,88,88] or waveform [samples] -> [T,D]."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.frontend = front_end(config.video, config.widths, "swish")
        self.embed = nn.Sequential(nn.Linear(config.widths[-1], config.dim))
        layer = ConformerLayer if config.conformer else ScaledLayer
        self.encoders = nn.ModuleList(layer(config) for _ in range(config.layers))
        self.after_norm = nn.LayerNorm(config.dim, EPS)

    def read(self, x):
        if self.config.normalised:
            x = (x - x.mean()) / torch.sqrt(x.var(correction=0) + 1e-8)
        x = weights.cast(self, x)[0]
        return x[None, None] if self.config.video else x[None]

    def forward(self, x):
        x = math.sqrt(self.config.dim) * self.embed(self.frontend(self.read(x)))
        table = weights.cast(self, relative_table(x.shape[1], self.config.dim))[0]
        for layer in self.encoders:
            x = layer(x, table)
        return self.after_norm(x)[0]


def config_of(state, normalised=False):
    """The whole configuration of a branch is in its shapes."""
    heads, head_dim = state["encoders.0.self_attn.pos_bias_u"].shape
    depthwise = state.get("encoders.0.conv_module.depthwise_conv.weight")
    video = is_video(state, "frontend.")
    return Config(
        dim=heads * head_dim, heads=heads, ffn=state["encoders.0.feed_forward.w_1.weight"].shape[0],
        layers=weights.layers(state, r"encoders\.(\d+)\."), video=video, conformer=depthwise is not None,
        widths=widths_of(state, "frontend."), kernel=31 if depthwise is None else depthwise.shape[2],
        normalised=normalised and not video)


def network(config, state=None, stream=None):
    return weights.filled(lambda: Branch(config), state)


def prepared(state):
    """Names of the pre-trained files; fine-tuned ones put the encoder below a prefix."""
    return weights.below(state, "embed.0.weight")


def golden(goldens, entry):
    state = prepared(goldens.torch_checkpoint(entry["weights"]))
    return network(config_of(state), state)
