"""The models of the race: Falsetto's name for each, the same network in PyTorch, and inputs of the real shapes."""

from dataclasses import dataclass

import torch
from safetensors.torch import load_file

import auto_avsr_torch
import avhubert_torch
import braven_torch
import clip_torch
import fsfm_torch
import videomae_torch
import wav2vec2_torch

VIDEO_HZ = 25
WAVE_HZ = 16000

# Shape of one network input of `seconds` of video or sound; kinds as in Falsetto's fal_input_kind.
INPUTS = {
    "wave": lambda seconds: (round(WAVE_HZ * seconds),),
    "logfbank": lambda seconds: (round(VIDEO_HZ * seconds), 104),
    "mouth": lambda seconds: (round(VIDEO_HZ * seconds), 88, 88),
    "picture": lambda seconds: (round(VIDEO_HZ * seconds), 3, 224, 224),
    "picture-336": lambda seconds: (round(VIDEO_HZ * seconds), 3, 336, 336),
}


@dataclass(frozen=True)
class Model:
    """A row: `peer` builds the network of `size`; streams say which of the inputs it takes."""

    registry_name: str
    peer: object
    size: str
    streams: tuple
    audio: str = None
    video: str = None
    seconds: float = 10  # of input in a race, unless told otherwise

    def network(self, stream, weights=None):
        """The PyTorch module, with the weights of a file that `falsetto models init` wrote, or its own random ones."""
        state = None if weights is None else self.peer.prepared(load_file(weights))
        return self.peer.network(self.peer.SIZES[self.size], state, stream)

    def inputs(self, stream, seconds, seed=1):
        """Noise of unit variance by stream, what the network reads in its order: {"audio": ..., "video": ...}."""
        generator = torch.Generator().manual_seed(seed)
        kinds = {"audio": self.audio} if stream != "video" else {}
        kinds |= {"video": self.video} if stream != "audio" else {}
        return {name: torch.randn(INPUTS[kind](seconds), generator=generator) for name, kind in kinds.items()}


def _avhubert(size):
    return Model(f"avhubert-{size}", avhubert_torch, size, ("audio", "video", "av"), "logfbank", "mouth")


def _speech(name, size):
    return Model(name, wav2vec2_torch, size, ("audio",), "wave")


_PICTURES = 8 / VIDEO_HZ  # seconds: encoders of single pictures get eight at a time
_WINDOW = 16 / VIDEO_HZ  # one VideoMAE clip

MODELS = {
    "avhubert-base": _avhubert("base"),
    "avhubert-large": _avhubert("large"),
    "wav2vec2-base": _speech("wav2vec2-base", "wav2vec2-base"),
    "xls-r-300m": _speech("wav2vec2-xls-r-300m", "xls-r-300m"),
    "xls-r-1b": _speech("wav2vec2-xls-r-1b", "xls-r-1b"),
    "xls-r-2b": _speech("wav2vec2-xls-r-2b", "xls-r-2b"),
    "hubert-large": _speech("hubert-large-ll60k", "hubert-large"),
    "hubert-xlarge": _speech("hubert-xlarge-ll60k", "hubert-xlarge"),
    "wavlm-base": _speech("wavlm-base", "wavlm-base"),
    "wavlm-large": _speech("wavlm-large", "wavlm-large"),
    "braven-base-video": Model("braven-base-video", braven_torch, "base-video", ("video",), video="mouth"),
    "braven-base-audio": Model("braven-base-audio", braven_torch, "base-audio", ("audio",), audio="wave"),
    "braven-video": Model("braven-large-video", braven_torch, "large-video", ("video",), video="mouth"),
    "braven-audio": Model("braven-large-audio", braven_torch, "large-audio", ("audio",), audio="wave"),
    "auto-avsr-av": Model("auto-avsr-v1-avsr-lrwlrs2lrs3vox2avsp", auto_avsr_torch, "av", ("av",), "wave", "mouth"),
    "auto-avsr-vsr": Model("auto-avsr-vsr-lrs2lrs3vox2avsp", auto_avsr_torch, "vsr", ("video",), video="mouth"),
    "auto-avsr-asr": Model("auto-avsr-asr-lrs3vox2", auto_avsr_torch, "asr", ("audio",), audio="wave"),
    "clip-b-16": Model("clip-vit-b-16", clip_torch, "vit-b-16", ("video",), video="picture", seconds=_PICTURES),
    "clip-l-14": Model("clip-vit-l-14", clip_torch, "vit-l-14", ("video",), video="picture", seconds=_PICTURES),
    "clip-l-14-336": Model("clip-vit-l-14-336", clip_torch, "vit-l-14-336", ("video",), video="picture-336",
                           seconds=_PICTURES),
    "videomae-base": Model("videomae-vit-b", videomae_torch, "base", ("video",), video="picture", seconds=_WINDOW),
    "videomae-large": Model("videomae-vit-l", videomae_torch, "large", ("video",), video="picture", seconds=_WINDOW),
    "videomae-huge": Model("videomae-vit-h", videomae_torch, "huge", ("video",), video="picture", seconds=_WINDOW),
    "fsfm-b": Model("fsfm-vit-b", fsfm_torch, "vit-b", ("video",), video="picture", seconds=_PICTURES),
    "fsfm-l": Model("fs-vfm-vit-l", fsfm_torch, "vit-l", ("video",), video="picture", seconds=_PICTURES),
}

# Every family at its largest released size. Of XLS-R the 1B stands for the 2B, whose float32 laps take minutes; HuBERT
# X-Large has the same shapes as XLS-R 1B and shows that nothing else differs.
LARGEST = ("avhubert-large", "xls-r-1b", "hubert-xlarge", "wavlm-large", "braven-video", "braven-audio", "auto-avsr-av",
           "clip-l-14", "videomae-huge", "fsfm-l")
