"""Reference goldens for the peers: reading them, and saying how far a peer is from them."""

import json
import pickle
import sys
import types
from pathlib import Path

import numpy
import torch


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
        self.entries = json.loads((self.folder / "index.json").read_text())["entries"]

    def array(self, path):
        return numpy.load(self.folder / path)

    def case(self, entry):
        return json.loads((self.folder / entry["family"] / entry["case"] / "case.json").read_text())

    def torch_checkpoint(self, path):
        """The whole checkpoint. It is unpickled in full: give this only goldens, which are our own files."""
        return torch.load(self.folder / path, map_location="cpu", pickle_module=_PICKLE, weights_only=False)

    def features(self, entry):
        wanted = entry["features"]
        array = self.array(wanted["file"])
        array = array if wanted["index"] is None else array[wanted["index"]]
        return array.reshape(wanted["shape"])


def check(folder, family, selected, run):
    """Runs `run(goldens, entry, models)` on the family's entries; prints each error and exits with 1 on a failure."""
    goldens, models, failures, count = Goldens(folder), {}, 0, 0
    for entry in goldens.entries:
        if entry["family"] != family or not selected(entry):
            continue
        with torch.inference_mode():
            got = run(goldens, entry, models).numpy()
        want, tolerance = goldens.features(entry), entry["features"]
        error = numpy.abs(got - want)
        ok = got.shape == want.shape and bool(
            numpy.all(error <= tolerance["atol"] + tolerance["rtol"] * numpy.abs(want)))
        print(f"{'ok  ' if ok else 'FAIL'} {entry['id']:55} max abs {error.max():.2e}  tolerance {tolerance['atol']:.0e}")
        failures += not ok
        count += 1
    print(f"{count - failures} passed, {failures} failed")
    sys.exit(1 if failures or not count else 0)
