"""One peer in a process of its own, so that its memory can be told from others' and its threads are its own.

race.py starts it, writes one JSON request per line to its standard input and reads one JSON answer per line:

    {"do": "lap"}                        {"seconds": 1.23}
    {"do": "output", "path": "F.npy"}    {"shape": [250, 1024]}    float32 features, as Falsetto's
    {"do": "products"}                   {"products": [[batch, rows, inner, columns, count], ...]}    torch only
    {"do": "peak"}                       {"gib": 2.5}              most memory since it was ready to run
"""

import argparse
import json
import sys
import time
import warnings
from pathlib import Path

import numpy
import torch

import networks
import onnx_peer
import products


class Torch:
    """Eager PyTorch, or with torch.compile."""

    def __init__(self, args, inputs):
        torch.set_num_threads(args.threads)
        network = networks.MODELS[args.model].network(args.stream, args.weights)
        self.network = network.bfloat16() if args.dtype == "bf16" else network
        self.runner = self.compiled() if args.kind == "torch.compile" else self.network
        self.inputs = inputs

    def compiled(self):
        """Weights are frozen into the graph, so that norms fold into convolutions."""
        import torch._inductor.config as inductor
        inductor.freezing = True
        return torch.compile(self.network)

    def run(self):
        with torch.inference_mode():
            return self.runner(*self.inputs).float().numpy()

    def products(self):
        counted = products.products_of(self.network, self.inputs)
        return [[p.batch, p.rows, p.inner, p.columns, count] for p, count in counted.items()]


class Onnx:
    """onnxruntime on the exported graph."""

    def __init__(self, args, inputs):
        self.session = onnx_peer.session(args.graph, args.threads)
        self.feed = onnx_peer.feed(self.session, inputs)

    def run(self):
        return self.session.run(None, self.feed)[0]


def export(args, inputs):
    network = networks.MODELS[args.model].network(args.stream, args.weights)
    onnx_peer.export(network, inputs, args.graph)


def answer(peer, request):
    what = request["do"]
    if what == "lap":
        start = time.perf_counter()
        peer.run()
        return {"seconds": time.perf_counter() - start}
    if what == "output":
        output = peer.run()
        numpy.save(request["path"], output)
        return {"shape": list(output.shape)}
    if what == "products":
        return {"products": peer.products()}
    if what == "peak":
        return {"gib": peak_gib()}
    raise ValueError(f"cannot do {what}")


def forget_peak():
    """From here on the kernel counts the peak afresh: loading does not belong to it."""
    Path("/proc/self/clear_refs").write_text("5")


def peak_gib():
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")) / 2 ** 20


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=("torch", "torch.compile", "onnxruntime", "export"))
    parser.add_argument("model", choices=networks.MODELS)
    parser.add_argument("stream")
    parser.add_argument("--inputs", required=True, help=".npz of the network's inputs, in its order")
    parser.add_argument("--weights", help="safetensors file (default: random)")
    parser.add_argument("--graph", help="where the ONNX graph is, or goes")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--dtype", choices=("fp32", "bf16"), default="fp32")
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    answers, sys.stdout = sys.stdout, sys.stderr  # libraries print
    inputs = tuple(torch.from_numpy(array) for array in numpy.load(args.inputs).values())
    if args.kind == "export":
        export(args, inputs)
        return
    peer = (Onnx if args.kind == "onnxruntime" else Torch)(args, inputs)
    forget_peak()
    for line in sys.stdin:
        print(json.dumps(answer(peer, json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    main()
