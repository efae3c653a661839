"""Where a peer spends its time: seconds and GFLOP/s of each part, one thread.

    python part_costs.py avhubert-large --stream video
    python part_costs.py xls-r-300m --onnx

PyTorch's parts are timed in the calling thread's CPU seconds, so other programs on the machine disturb little;
onnxruntime's come from its own profiler, which knows wall time only: per operator, the fastest of the repeats.
"""

import argparse
import collections
import json
import tempfile
import time
import warnings
from pathlib import Path

import torch
from torch import nn

import avhubert_torch
import onnx_peer
from race import MODELS

KINDS = {nn.Linear: "linear", nn.Conv1d: "conv1d", nn.Conv2d: "conv2d", nn.Conv3d: "conv3d", nn.LayerNorm: "layer norm",
         nn.BatchNorm2d: "batch norm", nn.BatchNorm3d: "batch norm", nn.PReLU: "prelu", nn.MaxPool3d: "pool"}
TRANSFORMERS_GELU = "GELUActivation"


def part_of(name, module):
    """The line a module is booked under, None for containers."""
    kind = KINDS.get(type(module)) or ("gelu" if type(module).__name__ == TRANSFORMERS_GELU else None)
    if kind == "conv2d":
        stage = next(piece for piece in name.split(".") if piece.startswith("layer"))
        return f"conv2d {stage}"
    if kind == "conv1d":
        return "conv1d positional" if module.groups > 1 else "conv1d front end"
    return kind


def multiply_adds(module, output):
    """Multiply-adds of a linear layer or convolution, 0 for the rest."""
    if isinstance(module, nn.Linear):
        return output.numel() * module.in_features
    if isinstance(module, (nn.Conv1d, nn.Conv2d, nn.Conv3d)):
        return output.numel() * module.weight[0].numel()
    return 0


class Meter:
    """Adds up CPU seconds and operations of every leaf module, by part."""

    def __init__(self, model):
        self.seconds = collections.Counter()
        self.flops = collections.Counter()
        for name, module in model.named_modules():
            part = part_of(name, module)
            if part:
                module.register_forward_pre_hook(self.enter)
                module.register_forward_hook(lambda module, inputs, output, part=part: self.leave(part, module, output))

    def enter(self, module, inputs):
        self.start = time.thread_time()

    def leave(self, part, module, output):
        self.seconds[part] += time.thread_time() - self.start
        self.flops[part] += 2 * multiply_adds(module, output)


def torch_parts(model, inputs, repeats):
    """(part, seconds, GFLOP) of the fastest pass; what no module accounts for (attention, adds) is `rest`."""
    meter, best = Meter(model), None
    with torch.inference_mode():
        model(*inputs)
        for _ in range(repeats):
            meter.seconds.clear()
            meter.flops.clear()
            start = time.thread_time()
            model(*inputs)
            total = time.thread_time() - start
            if best is None or total < best[0]:
                best = total, dict(meter.seconds), dict(meter.flops)
    total, seconds, flops = best
    seconds["rest (attention, residuals)"] = total - sum(seconds.values())
    return [(part, value, flops.get(part, 0) / 1e9) for part, value in seconds.items()]


def onnx_parts(model, inputs, repeats):
    """(operator, seconds, 0) by operator type."""
    with tempfile.TemporaryDirectory() as folder:
        graph = Path(folder) / "model.onnx"
        onnx_peer.export(model, inputs, graph)
        session = onnx_peer.session(graph, 1, Path(folder) / "profile")
        feed = onnx_peer.feed(session, inputs)
        for _ in range(repeats + 1):
            session.run(None, feed)
        events = json.loads(Path(session.end_profiling()).read_text())
    fastest = {}
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            key = event["args"]["op_name"], event["name"]
            fastest[key] = min(event["dur"], fastest.get(key, event["dur"]))
    seconds = collections.Counter()
    for (operator, _), microseconds in fastest.items():
        seconds[operator] += microseconds / 1e6
    return [(operator, value, 0) for operator, value in seconds.items()]


def print_table(title, parts):
    total = sum(seconds for _, seconds, _ in parts)
    print(f"\n{title}: {total:.3f} s\n\n| part | s | share | GFLOP | GFLOP/s |\n|---|---|---|---|---|")
    for part, seconds, gflop in sorted(parts, key=lambda row: -row[1]):
        rate = f"{gflop:.1f} | {gflop / seconds:.1f}" if gflop else "- | -"
        print(f"| {part} | {seconds:.3f} | {seconds / total:.1%} | {rate} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", choices=MODELS)
    parser.add_argument("--stream", choices=avhubert_torch.STREAMS, default="audio")
    parser.add_argument("--seconds", type=float, default=10, help="length of the clip (default: 10)")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--onnx", action="store_true", help="profile onnxruntime, too")
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    entry = MODELS[args.model]
    if args.stream not in entry.peer.STREAMS:
        parser.error(f"{args.model} has no stream {args.stream}")
    model, inputs = entry.build(None), entry.peer.random_inputs(args.stream, args.seconds)
    if entry.peer is avhubert_torch:
        model = avhubert_torch.OneStream(model, args.stream)
    if args.onnx:  # before the meter's hooks are in the model
        print_table("onnxruntime", onnx_parts(model, inputs, args.repeats))
    print_table("torch", torch_parts(model, inputs, args.repeats))


if __name__ == "__main__":
    main()
