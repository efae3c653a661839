"""AV-HuBERT in PyTorch: the opponent of Falsetto's `avhubert` encoder.

    audio [B,T,104] ---------------- Linear ---------> [B,T,D] +
                                                                concat, LN, Linear, + pos conv, L layers, LN -> [B,T,D]
    video [B,1,T,88,88] - ResNet-18 - Linear --------> [B,T,D] +

Modules carry the parameter names of the published pre-training checkpoints, so a state dict loads without renaming;
only the weight-normed positional kernel is multiplied out on loading, as one would for inference. Attention goes
through F.scaled_dot_product_attention, the fastest path PyTorch offers. Run as a program it checks itself against the
reference goldens:

    python avhubert_torch.py --goldens GOLDENS
"""

import argparse
import math
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

import reference

STREAMS = ("audio", "video", "av")


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


def activation(channels, prelu):
    return nn.PReLU(channels) if prelu else nn.ReLU(inplace=True)


class BasicBlock(nn.Module):
    """ResNet basic block with one activation per convolution, each with its own slopes."""

    def __init__(self, inputs, outputs, stride, prelu):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.relu1 = activation(outputs, prelu)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.relu2 = activation(outputs, prelu)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        residual = x if self.downsample is None else self.downsample(x)
        x = self.relu1(self.bn1(self.conv1(x)))
        return self.relu2(self.bn2(self.conv2(x)) + residual)


class Trunk(nn.Module):
    """Four ResNet-18 stages and the mean over the map: [N,C,22,22] -> [N,C4]."""

    def __init__(self, widths, prelu):
        super().__init__()
        for stage in range(1, 5):
            inputs, outputs = widths[stage - 1], widths[stage]
            stride = 1 if stage == 1 else 2
            self.add_module(f"layer{stage}", nn.Sequential(
                BasicBlock(inputs, outputs, stride, prelu), BasicBlock(outputs, outputs, 1, prelu)))

    def forward(self, x):
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return x.mean(dim=(2, 3))


class ResNet(nn.Module):
    """3-D stem over time, then the trunk on each frame: [B,1,T,88,88] -> [B,T,C4]."""

    def __init__(self, config):
        super().__init__()
        stem = config.widths[0]
        self.frontend3D = nn.Sequential(
            nn.Conv3d(1, stem, (5, 7, 7), (1, 2, 2), (2, 3, 3), bias=False),
            nn.BatchNorm3d(stem),
            activation(stem, config.prelu),
            nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1)))
        self.trunk = Trunk(config.widths, config.prelu)

    def forward(self, x):
        x = self.frontend3D(x)
        batch, channels, frames, height, width = x.shape
        x = x.transpose(1, 2).reshape(batch * frames, channels, height, width)
        return self.trunk(x).view(batch, frames, -1)


class AudioExtractor(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.proj = nn.Linear(config.audio_dim, config.dim)

    def forward(self, x):
        return self.proj(x)


class VideoExtractor(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.resnet = ResNet(config)
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
    """AVHuBERT with positional inputs of one stream, the form that exporters and the race want."""

    def __init__(self, model, stream):
        super().__init__()
        self.model = model
        self.stream = stream

    def forward(self, *inputs):
        if self.stream == "av":
            return self.model(audio=inputs[0], video=inputs[1])
        return self.model(**{self.stream: inputs[0]})


def random_model(size, seed=1):
    """A model by the original's initialisation: PyTorch's defaults, overridden where the original overrides them."""
    torch.manual_seed(seed)
    model = AVHuBERT(SIZES[size])
    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d):
            fan_out = module.kernel_size[0] * module.kernel_size[1] * module.out_channels
            nn.init.normal_(module.weight, std=math.sqrt(2 / fan_out))
        elif isinstance(module, nn.Conv1d):
            nn.init.normal_(module.weight, std=math.sqrt(4 / (module.kernel_size[0] * module.out_channels)))
            nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Linear) and name.startswith("encoder."):
            nn.init.normal_(module.weight, std=0.02)
            nn.init.zeros_(module.bias)
    return model.eval()


def merge_weight_norm(state):
    """Replaces the positional kernel's (g, v) by the kernel itself: per tap, norm over outputs and inputs."""
    gain = state.pop("encoder.pos_conv.0.weight_g")
    direction = state.pop("encoder.pos_conv.0.weight_v")
    norm = direction.double().square().sum(dim=(0, 1), keepdim=True).sqrt()
    state["encoder.pos_conv.0.weight"] = (gain.double() * direction.double() / norm).float()


def config_of(state, heads, pre_norm):
    """Everything but the number of heads and the norm order can be read off the shapes."""
    trunk = "feature_extractor_video.resnet.trunk.layer"
    kernel = state["encoder.pos_conv.0.weight"]
    ffn, dim = state["encoder.layers.0.fc1.weight"].shape
    stem = state["feature_extractor_video.resnet.frontend3D.0.weight"].shape[0]
    return Config(
        dim=dim, ffn=ffn, heads=heads, pre_norm=pre_norm,
        layers=1 + max(int(name.split(".")[2]) for name in state if name.startswith("encoder.layers.")),
        concat="post_extract_proj.weight" in state,
        prelu=f"{trunk}1.0.relu1.weight" in state,
        widths=(stem, *(state[f"{trunk}{stage}.0.conv1.weight"].shape[0] for stage in range(1, 5))),
        audio_dim=state["feature_extractor_audio.proj.weight"].shape[1],
        pos_kernel=kernel.shape[2], pos_groups=dim // kernel.shape[1])


def from_state(state, heads=None, pre_norm=True):
    """A model from a state dict, with or without the fine-tuning prefix. `heads` defaults to the released D/64."""
    anchor = "feature_extractor_audio.proj.weight"
    prefix = next(name for name in state if name.endswith(anchor))[:-len(anchor)]
    state = {name[len(prefix):]: value.float() for name, value in state.items()
             if name.startswith(prefix) and value.is_floating_point()}
    merge_weight_norm(state)
    config = config_of(state, heads or state["encoder.layer_norm.weight"].shape[0] // 64, pre_norm)
    model = AVHuBERT(config)
    wanted = {name for name in model.state_dict() if not name.endswith("num_batches_tracked")}
    missing = wanted - state.keys()
    if missing:
        raise KeyError(f"checkpoint lacks {sorted(missing)}")
    model.load_state_dict({name: state[name] for name in wanted}, strict=False)
    return model.eval()


def random_inputs(stream, seconds, seed=1):
    """Inputs of the real shapes: 25 frames per second, unit variance."""
    generator = torch.Generator().manual_seed(seed)
    frames = round(25 * seconds)
    audio = torch.randn(1, frames, 104, generator=generator)
    video = torch.randn(1, 1, frames, 88, 88, generator=generator)
    return {"audio": (audio,), "video": (video,), "av": (audio, video)}[stream]


def run_golden(goldens, entry, models):
    """Features [T,D] of one entry of the golden index."""
    weights = entry["weights"]
    if weights not in models:
        config = goldens.case(entry)["config"]
        models[weights] = from_state(
            goldens.torch_checkpoint(weights)["model"], config["encoder_attention_heads"], config["layer_norm_first"])
    inputs = {name: torch.from_numpy(goldens.array(path)) for name, path in entry["inputs"].items()}
    if "audio" in inputs:
        inputs["audio"] = inputs["audio"].transpose(1, 2)  # stored as [1,104,T]
    return models[weights](**inputs)[0]


def main():
    parser = argparse.ArgumentParser(description="Check the PyTorch AV-HuBERT against the reference goldens.")
    parser.add_argument("--goldens", required=True, help="folder with index.json")
    reference.check(parser.parse_args().goldens, "avhubert", lambda entry: True, run_golden)


if __name__ == "__main__":
    main()
