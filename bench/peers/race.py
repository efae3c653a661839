"""Races Falsetto's encoders against PyTorch and onnxruntime: same network, weights and inputs, same CPU, same minutes.

Each contender is a process of its own. Their outputs are compared first; then every round runs each once, in turn, so
that a busy moment of the machine hits all of them. The table shows medians in milliseconds per second of input.

    python race.py                                     the peers alone, random weights of their own
    python race.py --falsetto build/cli/falsetto       all three
    python race.py --falsetto build/cli/falsetto --models clip-l-14,fsfm-l --dtypes fp32,bf16 --json race.json
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy

import ceiling
from networks import LARGEST, MODELS

HERE = Path(__file__).resolve().parent
STREAMS = ("audio", "video", "av")
# Features of two correct float32 implementations; the largest networks stay well below.
MOST_RELATIVE_L2 = 1e-3


@dataclass(frozen=True)
class Job:
    """One line of the table."""

    model: str
    stream: str
    threads: int
    dtype: str
    seconds: float  # of input


@dataclass(frozen=True)
class Files:
    """What the contenders of one model and stream share."""

    folder: Path
    weights: Path | None
    inputs: Path
    arrays: dict  # stream name: .npy, for Falsetto
    graph: Path
    features: Path


# ---- contenders -----------------------------------------------------------------------------------------------------

class Process:
    """A contender: a program that runs one lap for each line it gets."""

    def __init__(self, name, command):
        self.name = name
        self.seconds = []
        self.peak_gib = None
        self.process = subprocess.Popen([str(part) for part in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, bufsize=1)

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        reply = self.process.stdout.readline()
        if not reply:
            raise SystemExit(f"{self.name} ended with code {self.process.wait()}")
        return json.loads(reply)

    def end(self):
        """Closes its input and returns what it says at the end."""
        rest = self.process.communicate()[0]
        if self.process.returncode:
            raise SystemExit(f"{self.name} ended with code {self.process.returncode}")
        return rest

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class Peer(Process):
    def __init__(self, kind, job, files):
        command = [sys.executable, HERE / "contender.py", kind, job.model, job.stream, "--inputs", files.inputs,
                   "--graph", files.graph, "--threads", job.threads, "--dtype", job.dtype]
        if files.weights:
            command += ["--weights", files.weights]
        super().__init__(kind, command)
        self.arithmetic = {"fp32": "float32", "bf16": f"bfloat16 {describe_cpu()['bf16']}"}[job.dtype]

    def request(self, what, **more):
        return self.ask(json.dumps({"do": what} | more))

    def output(self, files):
        path = files.folder / f"{self.name}.npy"
        self.request("output", path=str(path))
        return numpy.load(path)

    def lap(self):
        self.seconds.append(self.request("lap")["seconds"])

    def finish(self):
        self.peak_gib = self.request("peak")["gib"]
        self.end()


class Falsetto(Process):
    def __init__(self, program, job, files):
        # Two laps before it counts: the second one still merges the scratch memory of the first.
        super().__init__("falsetto", [program, "bench", "encoder", files.weights, "--stream", job.stream, "--seconds",
                                      f"{job.seconds:g}", "--threads", job.threads, "--precision", job.dtype,
                                      "--paced", "--json"])
        self.program, self.job = program, job

    def output(self, files):
        out = files.folder / "falsetto.npz"
        command = [self.program, "encode", files.weights, "--stream", self.job.stream, "--threads", self.job.threads,
                   "--precision", self.job.dtype, "-o", out]
        for name, path in files.arrays.items():
            command += [f"--{name}", path]
        subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL)
        return numpy.load(out)["features"]

    def lap(self):
        self.seconds.append(self.ask("lap"))

    def warm_up(self):
        for _ in range(2):
            self.ask("lap")

    def finish(self):
        report = json.loads(self.end())
        self.peak_gib, self.arithmetic = report["peak_gib"], report["arithmetic"]


# ---- what they share ------------------------------------------------------------------------------------------------

def prepare(name, stream, args, folder):
    """Weights, inputs and graph of one model and stream, made once."""
    model, weights = MODELS[name], None
    seconds = args.seconds or model.seconds
    if args.falsetto:
        weights = folder / f"{name}.safetensors"
        if not weights.exists():
            subprocess.run([args.falsetto, "models", "init", model.registry_name, "--seed", "1", "-o", str(weights)],
                           check=True, stdout=subprocess.DEVNULL)
    label = f"{name}-{'falsetto' if weights else 'torch'}-{stream}-{seconds:g}s"  # who drew the weights, too
    inputs = {key: value.numpy() for key, value in model.inputs(stream, seconds).items()}
    numpy.savez(folder / f"{label}.npz", **inputs)
    arrays = {key: folder / f"{label}-{key}.npy" for key in inputs}
    for key, path in arrays.items():
        numpy.save(path, inputs[key])
    return seconds, Files(folder, weights, folder / f"{label}.npz", arrays, folder / f"{label}.onnx",
                          folder / f"{label}-features.npy")


def export(job, files):
    """The ONNX graph; returns why there is none."""
    if files.graph.exists():
        return None
    command = [sys.executable, HERE / "contender.py", "export", job.model, job.stream, "--inputs", files.inputs,
               "--graph", files.graph] + (["--weights", files.weights] if files.weights else [])
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    return None if done.returncode == 0 else (done.stderr.strip().splitlines() or ["no reason given"])[-1]


def enter(job, args, files):
    """Starts everybody who can run this job."""
    entered = [Falsetto(args.falsetto, job, files)] if args.falsetto else []
    try:
        entered.append(Peer("torch", job, files))
        if args.compile:
            entered.append(Peer("torch.compile", job, files))
        if job.dtype == "fp32":
            problem = export(job, files)
            if problem:
                print(f"{job.model} {job.stream}: no onnxruntime, the export failed: {problem}", file=sys.stderr)
            else:
                entered.append(Peer("onnxruntime", job, files))
    except BaseException:
        for contender in entered:
            contender.kill()
        raise
    return entered


# ---- outputs --------------------------------------------------------------------------------------------------------

@dataclass(frozen=True)
class Distance:
    """How far features are from reference ones; the cosine is that of the row which turned most."""

    max_abs: float
    relative_l2: float
    min_cosine: float

    @staticmethod
    def between(got, want):
        if got.shape != want.shape:
            raise SystemExit(f"features are {got.shape}, the others' {want.shape}: no race")
        got, want = got.astype(numpy.float64), want.astype(numpy.float64)
        norms = numpy.linalg.norm(got, axis=1) * numpy.linalg.norm(want, axis=1)
        return Distance(max_abs=float(numpy.abs(got - want).max()),
                        relative_l2=float(numpy.linalg.norm(got - want) / numpy.linalg.norm(want)),
                        min_cosine=float(((got * want).sum(axis=1) / norms).min()))


def compare(job, entered, files):
    """Every contender's distance from the float32 reference, which is PyTorch's; stops the race when float32 outputs
    differ. This is also the peers' warm-up."""
    outputs = {contender.name: contender.output(files) for contender in entered}
    if job.dtype == "fp32":
        numpy.save(files.features, outputs["torch"])
    want = numpy.load(files.features)
    distances = {name: Distance.between(got, want) for name, got in outputs.items()}
    for name, distance in distances.items():
        if job.dtype == "fp32" and not distance.relative_l2 < MOST_RELATIVE_L2:
            raise SystemExit(f"{job.model} {job.stream}: {name} is {distance} from torch: no race")
    return distances


def reference(job, files):
    """float32 features for a race in bf16 alone."""
    if not files.features.exists():
        peer = Peer("torch", Job(job.model, job.stream, max(job.threads, 1), "fp32", job.seconds), files)
        try:
            numpy.save(files.features, peer.output(files))
            peer.end()
        finally:
            peer.kill()


# ---- the race -------------------------------------------------------------------------------------------------------

@dataclass
class Result:
    job: Job
    contenders: list
    distances: dict
    ceiling: ceiling.Ceiling | None
    load: float  # of the machine, before the first lap
    ratio: float | None = field(init=False)

    def __post_init__(self):
        peers = [self.median(name) for name in self.names() if name != "falsetto"]
        raced = "falsetto" in self.names() and self.contenders[0].seconds
        self.ratio = min(peers) / self.median("falsetto") if raced else None

    def names(self):
        return [contender.name for contender in self.contenders]

    def median(self, name):
        """Seconds of a lap; not a number when nobody ran."""
        seconds = next(c.seconds for c in self.contenders if c.name == name)
        return statistics.median(seconds) if seconds else float("nan")

    def record(self):
        """For the JSON file."""
        return asdict(self.job) | {
            "contenders": {c.name: {"seconds": c.seconds, "peak_gib": c.peak_gib, "arithmetic": c.arithmetic}
                           | asdict(self.distances[c.name]) for c in self.contenders},
            "best_peer_over_falsetto": self.ratio, "ceiling": asdict(self.ceiling) if self.ceiling else None,
            "load_before": self.load}


def race(job, args, files):
    if job.dtype == "bf16":
        reference(job, files)
    entered = enter(job, args, files)
    try:
        distances = compare(job, entered, files)
        if args.falsetto and args.repeats:
            entered[0].warm_up()
        counted = next(c for c in entered if c.name == "torch").request("products")["products"]
        wanted = args.products and args.repeats
        bound = ceiling.measure(args.products, job.threads, job.dtype, counted) if wanted else None
        load = os.getloadavg()[0]
        for _ in range(args.repeats):
            for contender in entered:
                time.sleep(0.1)  # lets the last one's threads go to sleep
                contender.lap()
        for contender in entered:
            contender.finish()
    finally:
        for contender in entered:
            contender.kill()
    return Result(job, entered, distances, bound, load)


# ---- the table ------------------------------------------------------------------------------------------------------

COLUMNS = ("falsetto", "torch", "torch.compile", "onnxruntime")


def columns(args):
    absent = {"falsetto"} if not args.falsetto else set()
    absent |= {"torch.compile"} if not args.compile else set()
    return [name for name in COLUMNS if name not in absent]


def header(args):
    names = columns(args)
    titles = ["model", "stream", "threads", "numbers"] + [f"{name} ms/s" for name in names] + [
        "best peer / falsetto", "GFLOP/s", "of ceiling"] + [f"{name} GiB" for name in names] + [
        "max abs, least cosine: falsetto", "torch"]
    return f"| {' | '.join(titles)} |\n|{'---|' * len(titles)}"


def row(result, args):
    """Medians, least in brackets; the distances are from PyTorch's float32 features."""
    by_name, job = {c.name: c for c in result.contenders}, result.job

    def cell(name, text):
        return text(by_name[name]) if name in by_name else "-"

    def speed(contender):
        per_second = 1000 / job.seconds
        if not contender.seconds:
            return "-"
        return f"{statistics.median(contender.seconds) * per_second:.1f} ({min(contender.seconds) * per_second:.1f})"

    def distance(contender):
        far = result.distances[contender.name]
        if contender.name == "torch" and job.dtype == "fp32":
            return "the reference"
        return f"{far.max_abs:.1e}, {far.min_cosine:.6f}"

    first = "falsetto" if "falsetto" in by_name else "torch"
    rate = share = "-"
    if result.ceiling and by_name[first].seconds:
        rate = f"{result.ceiling.gflop / result.median(first):.1f}"
        share = f"{result.ceiling.seconds / result.median(first):.0%}" if result.ceiling.seconds else "-"
    cells = [job.model, job.stream, str(job.threads), job.dtype]
    cells += [cell(name, speed) for name in columns(args)]
    cells += [f"{result.ratio:.2f}" if result.ratio else "-", rate, share]
    cells += [cell(name, lambda c: f"{c.peak_gib:.2f}") for name in columns(args)]
    cells += [cell(name, distance) for name in ("falsetto", "torch")]
    return f"| {' | '.join(cells)} |"


def describe_cpu():
    """Model, and which of the instruction sets that matter here it has."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    value = {line.split(":")[0].strip(): line.split(":")[1].strip() for line in lines if ":" in line}
    flags = set(value.get("flags", "").split())
    units = [flag for flag in ("avx2", "fma", "avx512f", "avx512_bf16", "amx_bf16") if flag in flags]
    return {"model": value.get("model name", "unknown"), "cores": os.cpu_count(), "units": units,
            "bf16": "in hardware" if flags & {"avx512_bf16", "amx_bf16"} else "emulated"}


def parse_arguments():
    def listed(choices=None, kind=str):
        def parse(text):
            values = [kind(value) for value in text.split(",")]
            if choices and not set(values) <= set(choices):
                raise argparse.ArgumentTypeError(f"{text}: choose from {', '.join(choices)}")
            return values
        return parse

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=listed(MODELS), default=list(LARGEST),
                        help=f"comma-separated from {', '.join(MODELS)} (default: every family's largest)")
    parser.add_argument("--streams", type=listed(STREAMS), default=list(STREAMS),
                        help="comma-separated from audio, video, av (default: all a model has)")
    parser.add_argument("--threads", type=listed(kind=int), default=[1, 2], help="comma-separated (default: 1,2)")
    parser.add_argument("--dtypes", type=listed(("fp32", "bf16")), default=["fp32"], help="fp32, bf16 (default: fp32)")
    parser.add_argument("--seconds", type=float,
                        help="of input (default: 10; 8 pictures; one VideoMAE window of 16 frames)")
    parser.add_argument("--repeats", type=int, default=5, help="rounds per line; 0 compares outputs only (default: 5)")
    parser.add_argument("--falsetto", metavar="PROGRAM", help="enter Falsetto, too")
    parser.add_argument("--products", metavar="PROGRAM",
                        help="bench_products, for the ceiling (default: the one of Falsetto's build)")
    parser.add_argument("--compile", action="store_true", help="enter torch.compile, too (minutes to compile)")
    parser.add_argument("--work", type=Path, help="keep weights and graphs here (default: a temporary folder)")
    parser.add_argument("--json", type=Path, help="write all numbers here")
    args = parser.parse_args()
    args.dtypes.sort(key=("fp32", "bf16").index)  # fp32 first: its features are the reference of bf16's
    if args.falsetto and not args.products:
        beside = Path(args.falsetto).resolve().parent.parent / "bench" / "bench_products"
        args.products = beside if beside.exists() else None
    return args


def race_all(args, folder):
    """Yields a result per line of the table."""
    for name in args.models:
        for stream in (stream for stream in args.streams if stream in MODELS[name].streams):
            seconds, files = prepare(name, stream, args, folder)
            for dtype in args.dtypes:
                for threads in args.threads:
                    yield race(Job(name, stream, threads, dtype, seconds), args, files)


def main():
    args, cpu = parse_arguments(), describe_cpu()
    print(f"{cpu['model']}, {cpu['cores']} cores, {' '.join(cpu['units'])}; bf16 {cpu['bf16']}\n")
    print(header(args), flush=True)
    results, arithmetic = [], set()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (args.work or Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        for result in race_all(args, folder):
            results.append(result.record())
            arithmetic |= {f"{c.name} {result.job.dtype}: {c.arithmetic}" for c in result.contenders}
            print(row(result, args), flush=True)
            if args.json:
                args.json.write_text(json.dumps({"cpu": cpu, "lines": results}, indent=1) + "\n")
    print("\n" + "; ".join(sorted(arithmetic)))


if __name__ == "__main__":
    main()
