"""Wav2Vec2 / XLS-R in PyTorch: the opponent of Falsetto's `wav2vec2` encoder.

The network is Hugging Face's own Wav2Vec2Model, as most people run it, with scaled-dot-product attention and the
weight-normed positional kernel multiplied out. Run as a program it checks itself against the reference goldens:

    python wav2vec2_torch.py --goldens GOLDENS
"""

import argparse

import torch
from torch import nn
from torch.nn.utils import parametrize
from transformers import Wav2Vec2Config, Wav2Vec2Model
from transformers.models.wav2vec2 import modeling_wav2vec2
from transformers.utils import logging

import reference

STREAMS = ("audio",)

# One clip without padding needs no mask. The library knows that except while being exported, where it would add a mask
# of ones and with it a NaN guard to every layer of the ONNX graph (2 to 3 % of onnxruntime's time).
modeling_wav2vec2.create_bidirectional_mask = lambda **_: None

_LARGE = dict(feat_extract_norm="layer", conv_bias=True, do_stable_layer_norm=True, hidden_size=1024,
              num_hidden_layers=24, num_attention_heads=16, intermediate_size=4096)
SIZES = {
    "base": {},
    "xls-r-300m": _LARGE,
    "xls-r-1b": _LARGE | dict(hidden_size=1280, num_hidden_layers=48, intermediate_size=5120),
    "xls-r-2b": _LARGE | dict(hidden_size=1920, num_hidden_layers=48, intermediate_size=7680),
}


class Features(nn.Module):
    """Normalised waveform [1,samples] -> last hidden state [1,T,H], at 50 Hz."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, wave):
        return self.model(wave, return_dict=False)[0]


def prepared(model):
    """Ready for inference: eval mode, positional kernel multiplied out."""
    parametrize.remove_parametrizations(model.encoder.pos_conv_embed.conv, "weight")
    return model.eval()


def random_model(size, seed=1):
    """A model by the library's own initialisation."""
    torch.manual_seed(seed)
    config = Wav2Vec2Config(**SIZES[size], attn_implementation="sdpa")
    return Features(prepared(Wav2Vec2Model(config)))


def from_state(state, size):
    """A released size with the weights of a state dict (either spelling of the weight norm, no prefix)."""
    model = Wav2Vec2Model(Wav2Vec2Config(**SIZES[size], attn_implementation="sdpa"))
    spelling = {"weight_g": "parametrizations.weight.original0", "weight_v": "parametrizations.weight.original1"}
    conv = "encoder.pos_conv_embed.conv."
    state = {conv + spelling.get(name[len(conv):], name[len(conv):]) if name.startswith(conv) else name: value
             for name, value in state.items()}
    missing, _ = model.load_state_dict(state, strict=False)
    missing = [name for name in missing if name != "masked_spec_embed"]
    if missing:
        raise KeyError(f"checkpoint lacks {missing}")
    return Features(prepared(model))


def normalise(wave):
    """Zero mean and unit variance over the clip, as Hugging Face's feature extractor."""
    return (wave - wave.mean()) / torch.sqrt(wave.var(correction=0) + 1e-7)


def random_inputs(stream, seconds, seed=1):
    """A clip of unit-variance noise at 16 kHz."""
    generator = torch.Generator().manual_seed(seed)
    return (torch.randn(1, round(16000 * seconds), generator=generator),)


def run_golden(goldens, entry, models):
    """Features [T/2,2H] of one entry of the golden index: pairs of hidden states joined, the last one repeated."""
    weights = entry["weights"]
    if weights not in models:
        model = Wav2Vec2Model.from_pretrained(goldens.folder / weights, attn_implementation="sdpa", dtype=torch.float32)
        models[weights] = Features(prepared(model))
    wave = torch.from_numpy(goldens.array(entry["inputs"]["audio"]))
    if goldens.case(entry)["config"]["do_normalize"]:
        wave = normalise(wave.double()).float()
    states = models[weights](wave[None])[0]
    if len(states) % 2:
        states = torch.cat((states, states[-1:]))
    return states.reshape(len(states) // 2, -1)


def main():
    parser = argparse.ArgumentParser(description="Check the PyTorch Wav2Vec2 against the reference goldens.")
    parser.add_argument("--goldens", required=True, help="folder with index.json")
    logging.disable_progress_bar()
    logging.set_verbosity_error()  # it reports the pre-training heads as surplus
    reference.check(parser.parse_args().goldens, "wav2vec2", lambda entry: entry["case"].startswith("w2v2-xlsr-hf"),
                    run_golden)


if __name__ == "__main__":
    main()
