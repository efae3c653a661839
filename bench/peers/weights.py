"""Getting weights into PyTorch networks, whatever their names in the file."""

import re

import torch
from transformers.initialization import no_init_weights


def below(state, anchor):
    """The tensors that share the prefix of `anchor`, without it, floating point as float32."""
    full = next(name for name in state if name == anchor or name.endswith(f".{anchor}"))
    prefix = full[:-len(anchor)]
    return {name[len(prefix):]: value.float() for name, value in state.items()
            if name.startswith(prefix) and value.is_floating_point()}


def renamed(state, rules):
    """`state` with the first matching rule (pattern, replacement) applied to each name."""
    def rename(name):
        for pattern, replacement in rules:
            new, count = re.subn(pattern, replacement, name)
            if count:
                return new
        return name
    return {rename(name): value for name, value in state.items()}


def split_rows(state, pattern, replacements):
    """Cuts tensors whose name matches `pattern` into equal pieces along their rows: fused q, k, v into three."""
    cut = {}
    for name, value in state.items():
        if re.search(pattern, name):
            pieces = value.chunk(len(replacements))
            cut |= {re.sub(pattern, new, name): piece for new, piece in zip(replacements, pieces, strict=True)}
        else:
            cut[name] = value
    return cut


def layers(state, pattern):
    """How many layers there are: one more than the highest number that `pattern` finds in a name."""
    return 1 + max(int(found[1]) for name in state if (found := re.match(pattern, name)))


def merge_weight_norm(state, gain, direction, kernel):
    """Replaces a weight-normed kernel's parts by the kernel itself: per tap, norm over outputs and inputs."""
    gain, direction = state.pop(gain).double(), state.pop(direction).double()
    norm = direction.square().sum(dim=(0, 1), keepdim=True).sqrt()
    state[kernel] = (gain * direction / norm).float()


def filled(make, state=None, seed=1):
    """What `make` returns, ready for inference, with the weights of `state`; without one with random weights. Tensors
    of `state` that the network lacks are left over; tensors it wants and does not get are an error."""
    torch.manual_seed(seed)
    if state is None:
        return make().eval()
    with no_init_weights():
        network = make()
    missing, _ = network.load_state_dict(state, strict=False)
    missing = [name for name in missing if not name.endswith(("num_batches_tracked", "masked_spec_embed"))]
    if missing:
        raise KeyError(f"the weights lack {missing}")
    return network.eval()


def cast(network, *inputs):
    """Float32 inputs in the number format of the network's weights."""
    dtype = next(network.parameters()).dtype
    return tuple(x.to(dtype) for x in inputs)
