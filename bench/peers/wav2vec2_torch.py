"""Wav2Vec2 (XLS-R), HuBERT and WavLM in PyTorch: the opponents of Falsetto's encoders of those names.

The networks are Hugging Face's own, as most people run them, with the weight-normed positional kernel multiplied out
and scaled-dot-product attention. For WavLM the library has eager attention only; here it gets the fused one with the
gated bias as its mask.
"""

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import parametrize
from transformers import HubertConfig, HubertModel, Wav2Vec2Config, Wav2Vec2Model, WavLMConfig, WavLMModel
from transformers.models.hubert import modeling_hubert
from transformers.models.wav2vec2 import modeling_wav2vec2
from transformers.models.wavlm.modeling_wavlm import WavLMAttention
from transformers.utils import logging

import weights

# One clip without padding needs no mask. The library knows that except while being exported, where it would add a mask
# of ones and with it a NaN guard to every layer of the ONNX graph (2 to 3 % of onnxruntime's time).
modeling_wav2vec2.create_bidirectional_mask = lambda **_: None
modeling_hubert.create_bidirectional_mask = lambda **_: None
logging.set_verbosity_error()


def fused_attention(self, hidden, mask, bias):
    """WavLM's attention over [1,T,H] with F.scaled_dot_product_attention; `bias` [A,T,T] is added to the logits."""
    def split(x):
        return x.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)

    q, k, v = (split(project(hidden)) for project in (self.q_proj, self.k_proj, self.v_proj))
    x = F.scaled_dot_product_attention(q, k, v, attn_mask=bias[None].to(q.dtype))
    return self.out_proj(x.transpose(1, 2).flatten(2)), None


WavLMAttention.torch_multi_head_self_attention = fused_attention

_KINDS = {"wav2vec2": (Wav2Vec2Config, Wav2Vec2Model), "hubert": (HubertConfig, HubertModel),
          "wavlm": (WavLMConfig, WavLMModel)}
_LARGE = dict(feat_extract_norm="layer", conv_bias=True, do_stable_layer_norm=True, hidden_size=1024,
              num_hidden_layers=24, num_attention_heads=16, intermediate_size=4096)
_XLARGE = _LARGE | dict(hidden_size=1280, num_hidden_layers=48, intermediate_size=5120)
SIZES = {
    "wav2vec2-base": ("wav2vec2", {}),
    "xls-r-300m": ("wav2vec2", _LARGE),
    "xls-r-1b": ("wav2vec2", _XLARGE),
    "xls-r-2b": ("wav2vec2", _XLARGE | dict(hidden_size=1920, intermediate_size=7680)),
    "hubert-large": ("hubert", _LARGE | dict(conv_bias=False)),
    "hubert-xlarge": ("hubert", _XLARGE | dict(conv_bias=False)),
    "wavlm-base": ("wavlm", {}),
    "wavlm-large": ("wavlm", _LARGE | dict(conv_bias=False)),
}


class PairedRows(nn.Module):
    """Waveform [samples] -> last hidden state with rows joined in pairs, the last one repeated if need be, [T/2,2H]."""

    def __init__(self, model, normalised):
        super().__init__()
        self.model = model
        self.normalised = normalised

    def forward(self, wave):
        if self.normalised:
            wave = (wave - wave.mean()) / torch.sqrt(wave.var(correction=0) + 1e-7)
        rows = self.model(weights.cast(self, wave[None])[0], return_dict=False)[0][0]
        if rows.shape[0] % 2:
            rows = torch.cat((rows, rows[-1:]))
        return rows.reshape(rows.shape[0] // 2, -1)


def network(size, state=None, stream="audio", normalised=True):
    """`size`: the kind of network and its configuration, in Hugging Face's words."""
    kind, options = size
    config_class, model_class = _KINDS[kind]
    options = dict(options)
    if state is not None:  # files differ in whether the front end has biases
        options["conv_bias"] = "feature_extractor.conv_layers.0.conv.bias" in state
    config = config_class(**options, **({} if kind == "wavlm" else {"attn_implementation": "sdpa"}))
    model = weights.filled(lambda: model_class(config), state)
    parametrize.remove_parametrizations(model.encoder.pos_conv_embed.conv, "weight")
    return PairedRows(model, normalised).eval()


def prepared(state):
    """Hugging Face's names without prefix, the weight norm in torch's present spelling."""
    conv = r"^encoder\.pos_conv_embed\.conv\.weight_"
    now = "encoder.pos_conv_embed.conv.parametrizations.weight.original"
    return weights.renamed(weights.below(state, "feature_projection.projection.weight"),
                           [(f"{conv}g$", f"{now}0"), (f"{conv}v$", f"{now}1")])


def golden(goldens, entry):
    folder = goldens.folder / entry["weights"]
    state = goldens.state(entry["weights"]) if folder.is_dir() else None
    if state is None:
        return None  # shards, fairseq's and Microsoft's names: not a peer's business
    options = goldens.json(f"{entry['weights']}/config.json")
    preprocessor = folder / "preprocessor_config.json"
    normalised = not preprocessor.exists() or goldens.json(preprocessor).get("do_normalize", True)
    wanted = set(Wav2Vec2Config().to_dict()) | {"num_buckets", "max_bucket_distance"}
    options = {name: value for name, value in options.items() if name in wanted and name != "model_type"}
    return network((entry["registry"], options), prepared(state), normalised=normalised)
