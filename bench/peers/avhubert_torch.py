"""AV-HuBERT in PyTorch: the opponent of Falsetto's `avhubert` encoder.

    audio [B,T,104] ---------------- Linear ---------> [B,T,D] +
                                                                concat, LN, Linear, + pos conv, L layers, LN -> [B,T,D]
    video [B,1,T,88,88] - ResNet-18 - Linear --------> [B,T,D] +

Modules carry the parameter names of the published pre-training checkpoints, so a state dict loads without renaming;
only the weight-normed positional kernel is multiplied out on loading, as one would for inference. Attention goes
through F.scaled_dot_product_attention, the fastest path PyTorch offers.
"""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

import weights
from resnet_torch import VideoResNet, widths_of


@dataclass(frozen=True)
class Config:
    """Shape of one AV-HuBERT; the defaults are the class defaults of the original, not those of a released model."""

    dim: int = 768
    ffn: int = 3072
    layers: int = 12
    heads: int = 12
    pre_norm: bool = False
    concat: bool = True
    prelu: bool = True
    widths: tuple = (64, 64, 128, 256, 512)  # stem, layer1..4
    audio_dim: int = 104
    pos_kernel: int = 128
    pos_groups: int = 16


SIZES = {
    "base": Config(pre_norm=True),
    "large": Config(dim=1024, ffn=4096, layers=24, heads=16, pre_norm=True),
}


class AudioExtractor(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.proj = nn.Linear(config.audio_dim, config.dim)

    def forward(self, x):
        return self.proj(x)


class VideoExtractor(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.resnet = VideoResNet(config.widths, "prelu" if config.prelu else "relu")
        self.proj = nn.Linear(config.widths[-1], config.dim)

    def forward(self, x):
        return self.proj(self.resnet(x))


class SelfAttention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.q_proj = nn.Linear(dim, dim)
        self.k_proj = nn.Linear(dim, dim)
        self.v_proj = nn.Linear(dim, dim)
        self.out_proj = nn.Linear(dim, dim)

    def split(self, x):
        """[B,T,D] -> [B,H,T,D/H]"""
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def forward(self, x):
        q, k, v = (self.split(proj(x)) for proj in (self.q_proj, self.k_proj, self.v_proj))
        x = F.scaled_dot_product_attention(q, k, v)
        return self.out_proj(x.transpose(1, 2).flatten(2))


class Layer(nn.Module):
    """fairseq transformer layer, norm before or after each half."""

    def __init__(self, config):
        super().__init__()
        self.pre_norm = config.pre_norm
        self.self_attn = SelfAttention(config.dim, config.heads)
        self.self_attn_layer_norm = nn.LayerNorm(config.dim)
        self.fc1 = nn.Linear(config.dim, config.ffn)
        self.fc2 = nn.Linear(config.ffn, config.dim)
        self.final_layer_norm = nn.LayerNorm(config.dim)

    def feed_forward(self, x):
        return self.fc2(F.gelu(self.fc1(x)))

    def forward(self, x):
        if self.pre_norm:
            x = x + self.self_attn(self.self_attn_layer_norm(x))
            return x + self.feed_forward(self.final_layer_norm(x))
        x = self.self_attn_layer_norm(x + self.self_attn(x))
        return self.final_layer_norm(x + self.feed_forward(x))


class Encoder(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.pre_norm = config.pre_norm
        self.pos_conv = nn.Sequential(nn.Conv1d(
            config.dim, config.dim, config.pos_kernel, padding=config.pos_kernel // 2, groups=config.pos_groups))
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.layers))
        self.layer_norm = nn.LayerNorm(config.dim)

    def forward(self, x):
        frames = x.shape[1]
        # An even kernel with symmetric padding yields one output too many: the last goes.
        x = x + F.gelu(self.pos_conv(x.transpose(1, 2))[:, :, :frames]).transpose(1, 2)
        if not self.pre_norm:
            x = self.layer_norm(x)
        for layer in self.layers:
            x = layer(x)
        return self.layer_norm(x) if self.pre_norm else x


class AVHuBERT(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.feature_extractor_audio = AudioExtractor(config)
        self.feature_extractor_video = VideoExtractor(config)
        self.layer_norm = nn.LayerNorm(config.dim * (2 if config.concat else 1))
        self.post_extract_proj = nn.Linear(2 * config.dim, config.dim) if config.concat else nn.Identity()
        self.encoder = Encoder(config)

    def forward(self, audio=None, video=None):
        """audio [B,T,104] and/or video [B,1,T,88,88] -> features [B,T,D]; a missing stream is a block of zeros."""
        audio = None if audio is None else self.feature_extractor_audio(audio)
        video = None if video is None else self.feature_extractor_video(video)
        audio = torch.zeros_like(video) if audio is None else audio
        video = torch.zeros_like(audio) if video is None else video
        x = torch.cat((audio, video), dim=-1) if self.config.concat else audio + video
        return self.encoder(self.post_extract_proj(self.layer_norm(x)))


class OneStream(nn.Module):
    """AVHuBERT as Falsetto runs it: filterbanks [T,104] and/or mouths [T,88,88] -> [T,D]."""

    def __init__(self, model, stream):
        super().__init__()
        self.model = model
        self.stream = stream

    def forward(self, *inputs):
        streams = ("audio", "video") if self.stream == "av" else (self.stream,)
        named = dict(zip(streams, weights.cast(self, *inputs), strict=True))
        if "audio" in named:
            named["audio"] = named["audio"][None]
        if "video" in named:
            named["video"] = named["video"][None, None]
        return self.model(**named)[0]


def network(config, state=None, stream="av"):
    return OneStream(weights.filled(lambda: AVHuBERT(config), state), stream)


def config_of(state, heads, pre_norm):
    """Everything but the number of heads and the norm order can be read off the shapes."""
    kernel = state["encoder.pos_conv.0.weight"]
    ffn, dim = state["encoder.layers.0.fc1.weight"].shape
    video = "feature_extractor_video.resnet."
    return Config(
        dim=dim, ffn=ffn, heads=heads, pre_norm=pre_norm,
        layers=weights.layers(state, r"encoder\.layers\.(\d+)\."),
        concat="post_extract_proj.weight" in state,
        prelu=f"{video}trunk.layer1.0.relu1.weight" in state,
        widths=widths_of(state, video),
        audio_dim=state["feature_extractor_audio.proj.weight"].shape[1],
        pos_kernel=kernel.shape[2], pos_groups=dim // kernel.shape[1])


def prepared(state):
    """Names of the pre-training checkpoints, with the positional kernel multiplied out."""
    state = weights.below(state, "feature_extractor_audio.proj.weight")
    conv = "encoder.pos_conv.0.weight"
    weights.merge_weight_norm(state, f"{conv}_g", f"{conv}_v", conv)
    return state


def golden(goldens, entry):
    state = prepared(goldens.torch_checkpoint(entry["weights"])["model"])
    case = goldens.case(entry)["config"]
    config = config_of(state, case["encoder_attention_heads"], case["layer_norm_first"])
    return network(config, state, entry["stream"])
