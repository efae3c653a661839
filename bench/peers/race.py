"""Races Falsetto's encoders against PyTorch and onnxruntime: same network, same shapes, same CPU, same minutes.

Every round runs each contender once, in turn, so that a busy moment of the machine hits all of them; the table shows
the median over the rounds and, in brackets, the minimum. Everybody is warmed up first, and the peers' outputs are
compared before anything is timed.

    python race.py                                     the peers alone
    python race.py --falsetto build/cli/falsetto       all three
    python race.py --models xls-r-300m --threads 1 --dtypes fp32 --repeats 9
"""

import argparse
import gc
import json
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors.torch import load_file

import avhubert_torch
import onnx_peer
import wav2vec2_torch


@dataclass(frozen=True)
class Model:
    """A row of the race: Falsetto's registry name, and the peer module that builds the same network."""

    registry_name: str
    peer: object
    size: str

    def build(self, weights):
        """The PyTorch module, with Falsetto's random weights when there is a file of them."""
        if weights is None:
            return self.peer.random_model(self.size)
        return self.peer.from_state(load_file(weights), **self.load_options())

    def load_options(self):
        return {"size": self.size} if self.peer is wav2vec2_torch else {}


MODELS = {
    "avhubert-base": Model("avhubert-base", avhubert_torch, "base"),
    "avhubert-large": Model("avhubert-large", avhubert_torch, "large"),
    "wav2vec2-base": Model("wav2vec2-base", wav2vec2_torch, "base"),
    "xls-r-300m": Model("wav2vec2-xls-r-300m", wav2vec2_torch, "xls-r-300m"),
    "xls-r-1b": Model("wav2vec2-xls-r-1b", wav2vec2_torch, "xls-r-1b"),
}


@dataclass
class Contender:
    """Somebody who runs the job once and says how many seconds it took."""

    name: str
    run: callable
    seconds: list = field(default_factory=list)

    def lap(self):
        self.seconds.append(self.run())

    def median(self):
        return statistics.median(self.seconds)

    def cell(self):
        return f"{self.median():.3f} ({min(self.seconds):.3f})"


@dataclass(frozen=True)
class Job:
    """One line of the table."""

    model: str
    stream: str
    threads: int
    dtype: str
    seconds: float


# ---- contenders -----------------------------------------------------------------------------------------------------

def timed(action):
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def torch_contender(module, inputs, name="torch"):
    """Eager PyTorch, or whatever callable `module` is."""
    def run():
        with torch.inference_mode():
            return timed(lambda: module(*inputs))
    return Contender(name, run)


def compiled(module):
    """torch.compile with weights frozen into the graph, so that norms fold into convolutions."""
    import torch._inductor.config as inductor
    inductor.freezing = True
    return torch.compile(module)


def onnx_contender(session, inputs):
    feed = onnx_peer.feed(session, inputs)
    return Contender("onnxruntime", lambda: timed(lambda: session.run(None, feed)))


def falsetto_init_command(program, model, path):
    """Writes full-size random weights, which the PyTorch side then reads."""
    return [program, "models", "init", MODELS[model].registry_name, "--seed", "1", "-o", str(path)]


def falsetto_bench_command(program, job, weights, repeat):
    """Prints {"seconds": [one number per run, loading excluded], ...}."""
    return [program, "bench", "encoder", str(weights), "--stream", job.stream, "--seconds", f"{job.seconds:g}",
            "--threads", str(job.threads), "--precision", job.dtype, "--repeat", str(repeat), "--json"]


def falsetto_contender(program, job, weights):
    """One process per lap; its first run warms it up (packing, page faults) and does not count."""
    command = falsetto_bench_command(program, job, weights, 2)

    def run():
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        return min(json.loads(done.stdout)["seconds"][1:])
    return Contender("falsetto", run)


# ---- the race -------------------------------------------------------------------------------------------------------

def compare(session, module, inputs, job):
    """Stops the race when the two peers do not compute the same thing."""
    with torch.inference_mode():
        want = module(*inputs)
    got = torch.from_numpy(session.run(None, onnx_peer.feed(session, inputs))[0])
    error = float((got - want).norm() / want.norm())
    print(f"{job.model} {job.stream}: onnxruntime against torch, relative L2 {error:.1e}", file=sys.stderr)
    if not error < 1e-4:
        raise SystemExit("the peers disagree: no race")


def contenders(job, module, args, weights, graph):
    """Everybody who can run this job."""
    inputs = MODELS[job.model].peer.random_inputs(job.stream, job.seconds)
    entered = []
    if job.dtype == "fp32":
        session = onnx_peer.session(graph, job.threads)
        compare(session, module, inputs, job)
        entered += [torch_contender(module, inputs), onnx_contender(session, inputs)]
    else:
        inputs = tuple(tensor.bfloat16() for tensor in inputs)
        entered.append(torch_contender(module, inputs))
    if args.compile:
        entered.append(torch_contender(compiled(module), inputs, "torch.compile"))
    if args.falsetto:
        entered.append(falsetto_contender(args.falsetto, job, weights))
    return entered


def race(entered, repeats, pause_s=0.1):
    """Warms everybody up, then runs them in turn. The pause lets the last one's threads go to sleep."""
    for contender in entered:
        contender.run()
    for _ in range(repeats):
        for contender in entered:
            time.sleep(pause_s)
            contender.lap()


COLUMNS = ("falsetto", "torch", "torch.compile", "onnxruntime")


def row(job, entered):
    """A line of the Markdown table; the ratio is the best peer's median over Falsetto's."""
    by_name = {contender.name: contender for contender in entered}
    cells = [by_name[name].cell() if name in by_name else "-" for name in COLUMNS]
    ratio = "-"
    if "falsetto" in by_name:
        best = min(contender.median() for contender in entered if contender.name != "falsetto")
        ratio = f"{best / by_name['falsetto'].median():.2f}"
    return f"| {job.model} | {job.stream} | {job.threads} | {job.dtype} | {' | '.join(cells)} | {ratio} |"


def race_model(name, args, folder):
    """All lines of one model. One copy of the weights in each number format is alive at a time."""
    model, weights = MODELS[name], None
    if args.falsetto:
        weights = folder / f"{name}.safetensors"
        if not weights.exists():
            subprocess.run(falsetto_init_command(args.falsetto, name, weights), check=True)
    module = model.build(weights)
    streams = [stream for stream in args.streams if stream in model.peer.STREAMS]
    for dtype in args.dtypes:
        if dtype == "bf16":
            module = module.bfloat16()
        for stream in streams:
            entrant = avhubert_torch.OneStream(module, stream) if model.peer is avhubert_torch else module
            origin = "falsetto" if weights else "torch"  # who drew the weights: never mix kept graphs
            graph = folder / f"{name}-{origin}-{stream}-{args.seconds:g}s.onnx"
            if dtype == "fp32" and not graph.exists():
                onnx_peer.export(entrant, model.peer.random_inputs(stream, args.seconds), graph)
            for threads in args.threads:
                torch.set_num_threads(threads)
                job = Job(name, stream, threads, dtype, args.seconds)
                entered = contenders(job, entrant, args, weights, graph)
                race(entered, args.repeats)
                print(row(job, entered), flush=True)
                del entered
                gc.collect()


def parse_arguments():
    def listed(choices=None, kind=str):
        def parse(text):
            values = [kind(value) for value in text.split(",")]
            if choices and not set(values) <= set(choices):
                raise argparse.ArgumentTypeError(f"{text}: choose from {', '.join(choices)}")
            return values
        return parse

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=listed(MODELS), default=["avhubert-large", "xls-r-300m"],
                        help=f"comma-separated from {', '.join(MODELS)} (default: avhubert-large,xls-r-300m)")
    parser.add_argument("--streams", type=listed(avhubert_torch.STREAMS), default=list(avhubert_torch.STREAMS),
                        help="comma-separated from audio, video, av (default: all a model has)")
    parser.add_argument("--threads", type=listed(kind=int), default=[1, 2], help="comma-separated (default: 1,2)")
    parser.add_argument("--dtypes", type=listed(("fp32", "bf16")), default=["fp32"], help="fp32, bf16 (default: fp32)")
    parser.add_argument("--seconds", type=float, default=10, help="length of the clip (default: 10)")
    parser.add_argument("--repeats", type=int, default=5, help="rounds per line (default: 5)")
    parser.add_argument("--falsetto", metavar="PROGRAM", help="enter Falsetto, too")
    parser.add_argument("--compile", action="store_true", help="enter torch.compile, too (minutes to compile)")
    parser.add_argument("--work", type=Path, help="keep weights and graphs here (default: a temporary folder)")
    args = parser.parse_args()
    args.dtypes.sort(key=("fp32", "bf16").index)  # fp32 first: the module is converted in place afterwards
    return args


def main():
    args = parse_arguments()
    warnings.filterwarnings("ignore")
    print(f"| model | stream | threads | dtype | {' s | '.join(COLUMNS)} s | best peer / falsetto |")
    print("|" + "---|" * (5 + len(COLUMNS)), flush=True)
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.work or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for name in args.models:
            race_model(name, args, folder)


if __name__ == "__main__":
    main()
