"""Auto-AVSR in PyTorch: the opponent of Falsetto's `auto-avsr` encoder. Its branches are made of braven_torch's parts.

    mouths   - conformer -+
                          + concat, Linear, batch norm, ReLU, Linear -> [T,D]    (audio-visual; else a branch alone)
    waveform - conformer -+
"""

from dataclasses import replace

import torch
from torch import nn
from torch.nn import functional as F

import braven_torch
import weights
from resnet_torch import SAMPLES_PER_ROW

_BRANCH = braven_torch.Config(dim=768, ffn=3072, heads=12, layers=12, video=True, conformer=True)
_SOUND = replace(_BRANCH, video=False, normalised=True)
SIZES = {"vsr": _BRANCH, "asr": _SOUND, "av": (_BRANCH, _SOUND, 8192)}


class Fusion(nn.Module):
    def __init__(self, inputs, hidden, outputs):
        super().__init__()
        self.fc1 = nn.Linear(inputs, hidden)
        self.bn1 = nn.BatchNorm1d(hidden)
        self.fc2 = nn.Linear(hidden, outputs)

    def forward(self, x):
        return self.fc2(F.relu(self.bn1(self.fc1(x))))


class TwoBranches(nn.Module):
    """Waveform [samples] and mouths [T,88,88] -> [T,D]."""

    def __init__(self, video, audio, hidden):
        super().__init__()
        self.encoder = braven_torch.Branch(video)
        self.aux_encoder = braven_torch.Branch(audio)
        self.fusion = Fusion(video.dim + audio.dim, hidden, video.dim)

    def forward(self, wave, mouths):
        samples = SAMPLES_PER_ROW * mouths.shape[0]  # cut or padded on the right before it is normalised
        wave = F.pad(wave, (0, samples - wave.shape[0]))
        return self.fusion(torch.cat((self.encoder(mouths), self.aux_encoder(wave)), dim=-1))


def network(config, state=None, stream=None):
    if isinstance(config, tuple):
        return weights.filled(lambda: TwoBranches(*config), state)
    return braven_torch.network(config, state)


def prepared(state):
    """Names of the v1.x files, which the current layout is brought to; a branch alone without its prefix."""
    state = weights.below(weights.renamed(state, [(r"^(model\.)?proj_encoder\.", r"\1encoder.embed.0."),
                                                  (r"^(model\.)?frontend\.", r"\1encoder.frontend.")]),
                          "encoder.embed.0.weight")
    return state if "fusion.fc1.weight" in state else weights.below(state, "embed.0.weight")


def config_of(state):
    if "fusion.fc1.weight" not in state:
        return braven_torch.config_of(state, normalised=True)
    video, audio = ({name[len(prefix):]: value for name, value in state.items() if name.startswith(prefix)}
                    for prefix in ("encoder.", "aux_encoder."))
    return (braven_torch.config_of(video), braven_torch.config_of(audio, normalised=True),
            state["fusion.fc1.weight"].shape[0])


def golden(goldens, entry):
    state = goldens.torch_checkpoint(entry["weights"])
    state = prepared(state.get("state_dict", state))
    return network(config_of(state), state)
