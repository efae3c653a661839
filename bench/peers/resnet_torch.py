"""The ResNet-18 front ends of the lip and speech encoders: AV-HuBERT, BRAVEn, Auto-AVSR.

    video [B,1,T,88,88] - conv 5x7x7 - max pool - four stages of 3x3 convolutions on each frame - mean -> [B,T,C]
    sound [B,1,640 T]   - conv 80/4 ------------- four stages of 3-tap convolutions ------------ mean -> [B,T,C]

Parameter names are those of the published checkpoints.
"""

import torch
from torch import nn

SAMPLES_PER_ROW = 640  # 40 ms at 16 kHz
CONV = {1: nn.Conv1d, 2: nn.Conv2d}
NORM = {1: nn.BatchNorm1d, 2: nn.BatchNorm2d}


def activation(kind, channels):
    """prelu has slopes per channel; relu and swish have no parameters."""
    return {"prelu": lambda: nn.PReLU(channels), "relu": nn.ReLU, "swish": nn.SiLU}[kind]()


class BasicBlock(nn.Module):
    """Two convolutions in `dims` dimensions and a residual, one activation after each."""

    def __init__(self, dims, inputs, outputs, stride, kind):
        super().__init__()
        conv, norm = CONV[dims], NORM[dims]
        self.conv1 = conv(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = norm(outputs)
        self.relu1 = activation(kind, outputs)
        self.conv2 = conv(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = norm(outputs)
        self.relu2 = activation(kind, outputs)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(conv(inputs, outputs, 1, stride, bias=False), norm(outputs))

    def forward(self, x):
        residual = x if self.downsample is None else self.downsample(x)
        x = self.relu1(self.bn1(self.conv1(x)))
        return self.relu2(self.bn2(self.conv2(x)) + residual)


class Stages(nn.Module):
    """Four stages of two blocks; the first keeps the resolution, the others halve it."""

    def __init__(self, dims, widths, kind):
        super().__init__()
        for stage in range(1, 5):
            inputs, outputs = widths[stage - 1], widths[stage]
            self.add_module(f"layer{stage}", nn.Sequential(
                BasicBlock(dims, inputs, outputs, 1 if stage == 1 else 2, kind),
                BasicBlock(dims, outputs, outputs, 1, kind)))

    def stages(self, x):
        return self.layer4(self.layer3(self.layer2(self.layer1(x))))


class PictureTrunk(Stages):
    """[N,C,22,22] -> [N,C4]"""

    def forward(self, x):
        return self.stages(x).mean(dim=(2, 3))


class VideoResNet(nn.Module):
    """widths: stem, then the four stages."""

    def __init__(self, widths, kind):
        super().__init__()
        stem = widths[0]
        self.frontend3D = nn.Sequential(
            nn.Conv3d(1, stem, (5, 7, 7), (1, 2, 2), (2, 3, 3), bias=False),
            nn.BatchNorm3d(stem),
            activation(kind, stem),
            nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1)))
        self.trunk = PictureTrunk(2, widths, kind)

    def forward(self, x):
        x = self.frontend3D(x)
        batch, channels, frames, height, width = x.shape
        x = x.transpose(1, 2).reshape(batch * frames, channels, height, width)
        return self.trunk(x).view(batch, frames, -1)


class SoundTrunk(Stages):
    """[B,1,640 T] -> [B,C4,T]"""

    def __init__(self, widths, kind):
        super().__init__(1, widths, kind)
        self.conv1 = nn.Conv1d(1, widths[0], 80, 4, 38, bias=False)
        self.bn1 = nn.BatchNorm1d(widths[0])
        self.relu = activation(kind, widths[0])
        self.pool = nn.AvgPool1d(20, 20)

    def forward(self, x):
        return self.pool(self.stages(self.relu(self.bn1(self.conv1(x)))))


class SoundResNet(nn.Module):
    def __init__(self, widths, kind):
        super().__init__()
        self.trunk = SoundTrunk(widths, kind)

    def forward(self, x):
        """[B,samples]; what does not fill a row is dropped."""
        samples = x.shape[1] // SAMPLES_PER_ROW * SAMPLES_PER_ROW
        return self.trunk(x[:, None, :samples]).transpose(1, 2)


def widths_of(state, prefix):
    """Stem and stage widths of the front end below `prefix`, from its shapes."""
    stem = f"{prefix}frontend3D.0.weight" if is_video(state, prefix) else f"{prefix}trunk.conv1.weight"
    stages = (f"{prefix}trunk.layer{stage}.0.conv1.weight" for stage in range(1, 5))
    return tuple(state[name].shape[0] for name in (stem, *stages))


def is_video(state, prefix):
    return f"{prefix}frontend3D.0.weight" in state


def front_end(video, widths, kind):
    return (VideoResNet if video else SoundResNet)(widths, kind)
