"""Where a peer spends its time: seconds, share and GFLOP/s of each kind of operation, one thread.

    python part_costs.py videomae-huge
    python part_costs.py avhubert-large --stream video --onnx

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

import onnx_peer
from networks import MODELS
from products import Ledger


def torch_parts(network, inputs, repeats):
    """(part, seconds, GFLOP) of the fastest pass; `between` is Python's own time and what no call accounts for."""
    best = None
    with torch.inference_mode():
        network(*inputs)
        for _ in range(repeats):
            start = time.thread_time()
            with Ledger() as ledger:
                network(*inputs)
            total = time.thread_time() - start
            if best is None or total < best[0]:
                best = total, ledger
    total, ledger = best
    parts = [(part, seconds, ledger.gflop[part]) for part, seconds in ledger.seconds.items()]
    return parts + [("between", total - sum(ledger.seconds.values()), 0)]


def onnx_parts(network, inputs, repeats):
    """(operator, seconds, 0) by operator type."""
    with tempfile.TemporaryDirectory() as folder:
        graph = Path(folder) / "model.onnx"
        onnx_peer.export(network, inputs, graph)
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


def print_table(title, parts, least_share=0.001):
    total = sum(seconds for _, seconds, _ in parts)
    print(f"\n{title}: {total:.3f} s\n\n| part | s | share | GFLOP | GFLOP/s |\n|---|---|---|---|---|")
    for part, seconds, gflop in sorted(parts, key=lambda row: -row[1]):
        rate = f"{gflop:.1f} | {gflop / seconds:.1f}" if gflop else "- | -"
        if seconds >= least_share * total:
            print(f"| {part} | {seconds:.3f} | {seconds / total:.1%} | {rate} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", choices=MODELS)
    parser.add_argument("--stream", choices=("audio", "video", "av"), help="default: the first the model has")
    parser.add_argument("--seconds", type=float, help="of input (default: as in the race)")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--dtype", choices=("fp32", "bf16"), default="fp32", help="of PyTorch")
    parser.add_argument("--onnx", action="store_true", help="profile onnxruntime, too")
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    model = MODELS[args.model]
    stream = args.stream or model.streams[0]
    if stream not in model.streams:
        parser.error(f"{args.model} has no stream {stream}")
    network, inputs = model.network(stream), tuple(model.inputs(stream, args.seconds or model.seconds).values())
    if args.onnx:
        print_table("onnxruntime", onnx_parts(network, inputs, args.repeats))
    if args.dtype == "bf16":
        network = network.bfloat16()
    print_table(f"torch {args.dtype}", torch_parts(network, inputs, args.repeats))


if __name__ == "__main__":
    main()
