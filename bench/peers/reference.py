"""Checks the PyTorch peers against the reference goldens: a peer that computes something else is no peer.

    python reference.py GOLDENS [family ...]
"""

import argparse
import json
import pickle
import sys
import types
import warnings
import zipfile
from pathlib import Path

import numpy
import torch
from safetensors.torch import load_file

import auto_avsr_torch
import avhubert_torch
import braven_torch
import clip_torch
import fsfm_torch
import videomae_torch
import wav2vec2_torch

PEERS = {"avhubert": avhubert_torch, "wav2vec2": wav2vec2_torch, "braven": braven_torch, "auto_avsr": auto_avsr_torch,
         "clip": clip_torch, "videomae": videomae_torch, "fsfm": fsfm_torch}


class _Opaque:
    """Stands in for classes of packages that are not installed; only the tensors beside them matter."""

    def __init__(self, *args, **kwargs):
        pass

    def __setstate__(self, state):
        pass


class _Unpickler(pickle.Unpickler):
    def find_class(self, module, name):
        try:
            return super().find_class(module, name)
        except (ImportError, AttributeError):
            return type(name, (_Opaque,), {})


_PICKLE = types.ModuleType("tolerant_pickle")
_PICKLE.Unpickler = _Unpickler
_PICKLE.load = pickle.load


class Goldens:
    """A folder of goldens with its index.json."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.entries = self.json("index.json")["entries"]

    def json(self, path):
        return json.loads((self.folder / path).read_text())

    def array(self, path):
        return numpy.load(self.folder / path)

    def case(self, entry):
        return self.json(f"{entry['family']}/{entry['case']}/case.json")

    def torch_checkpoint(self, path):
        """The whole checkpoint. It is unpickled in full: give this only goldens, which are our own files."""
        return torch.load(self.folder / path, map_location="cpu", pickle_module=_PICKLE, weights_only=False)

    def state(self, path):
        """The tensors of a file or Hugging Face folder; None for a TorchScript archive or a folder in shards."""
        path = self.folder / path
        if path.is_dir():
            found = [path / name for name in ("model.safetensors", "pytorch_model.bin") if (path / name).exists()]
            return self.state(found[0]) if found else None
        if path.suffix == ".safetensors":
            return load_file(path)
        if any("/code/" in name for name in zipfile.ZipFile(path).namelist()):
            return None
        state = self.torch_checkpoint(path)
        return next((state[key] for key in ("model", "module", "state_dict") if key in state), state)

    def features(self, entry):
        wanted = entry["features"]
        array = self.array(wanted["file"])
        array = array if wanted["index"] is None else array[wanted["index"]]
        return array.reshape(wanted["shape"])


def network_input(array):
    """A golden input as the encoders of the race get it: no leading axes of 1, mouths as the network reads them."""
    if array.dtype == numpy.uint8:
        crops = torch.from_numpy(array[:, 4:92, 4:92]) / 255  # grey ones stand for R = G = B
        weight = torch.tensor((0.2989, 0.587, 0.114))
        grey = crops @ weight if crops.ndim == 4 else crops * weight.sum()
        return (grey - 0.421) / 0.165
    tensor = torch.from_numpy(array)
    if tensor.ndim == 3 and tensor.shape[:2] == (1, 104):  # AV-HuBERT's order of the filterbank
        return tensor[0].T
    return tensor[0, 0] if tensor.ndim == 5 and tensor.shape[1] == 1 else tensor


def check(goldens, entry):
    """Prints how far the peer is from this entry; True when it is within the tolerance, None when it has no network."""
    with torch.inference_mode():
        network = PEERS[entry["family"]].golden(goldens, entry)
        if network is None:
            print(f"skip {entry['id']}: not a container the peers read")
            return None
        inputs = [network_input(goldens.array(entry["inputs"][name])) for name in ("audio", "video")
                  if name in entry["inputs"]]
        got = network(*inputs).numpy()
    want, tolerance = goldens.features(entry), entry["features"]
    ok = got.shape == want.shape
    error = numpy.abs(got - want) if ok else numpy.array(numpy.inf)
    ok = ok and bool(numpy.all(error <= tolerance["atol"] + tolerance["rtol"] * numpy.abs(want)))
    verdict = "ok  " if ok else "FAIL"
    print(f"{verdict} {entry['id']:50} max abs {error.max():.2e}  tolerance {tolerance['atol']:.0e}")
    return ok


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("goldens", help="folder with index.json")
    parser.add_argument("families", nargs="*", help=f"from {', '.join(PEERS)} (default: all)")
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    goldens = Goldens(args.goldens)
    results = [check(goldens, entry) for entry in goldens.entries
               if entry["family"] in PEERS and (not args.families or entry["family"] in args.families)]
    failures = sum(result is False for result in results)
    print(f"{sum(result is True for result in results)} passed, {failures} failed, {results.count(None)} skipped")
    sys.exit(1 if failures or not any(results) else 0)


if __name__ == "__main__":
    main()
