"""An epoch of the linear probe: Falsetto's fast mode and its official mode against a PyTorch loop at batch size 1.

    python probe_torch.py --falsetto build/cli/falsetto [--clips 300] [--threads 1,2] [--repeats 3] [--work DIR]

The PyTorch loop does what the published one does, without the Lightning around it, which would only be slower: clips in
random order, one per step; read the .npz, divide rows by their norms, a linear layer per frame, log-sum-exp, cross-entropy
over (-s, s), backward, Adam. "files" reads every clip's file in every epoch as the published data loader does; "memory" has
all clips normalised in memory beforehand, which the published code does not do. Falsetto's numbers are the seconds its
curve tells per epoch, validation included (a sixteenth of the clips). Everybody runs in turn, round by round.
"""
import argparse
import csv
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

FRAMES, DIM, RATE, EPOCHS = 250, 1024, 1e-3, 4


def make_clips(folder, count):
    """Feature files of random clips, fakes shifted a little; a training and a validation list."""
    rng = np.random.default_rng(1)
    shift = rng.normal(size=DIM).astype(np.float32) * 0.1
    rows = []
    for i in range(count):
        x = rng.standard_normal((FRAMES, DIM), dtype=np.float32) + (i % 2) * shift
        np.savez(folder / f"c{i:05d}.npz", multimodal=x)
        rows.append((f"c{i:05d}.mp4", i % 2))
    for name, part in (("train", rows), ("val", rows[: max(2, count // 16)])):
        with open(folder / f"{name}.csv", "w", newline="") as out:
            csv.writer(out).writerows([("path", "label"), *part])
    return rows


def normalised(path):
    x = np.load(path)["multimodal"].astype(np.float32)
    return torch.from_numpy(x / np.linalg.norm(x, axis=1, keepdims=True))


class TorchLoop:
    def __init__(self, folder, rows, in_memory):
        self.clips = [(folder / (path[:-4] + ".npz"), torch.tensor([label])) for path, label in rows]
        self.kept = [normalised(path) for path, _ in self.clips] if in_memory else None
        self.head = nn.Linear(DIM, 1)
        self.adam = torch.optim.Adam(self.head.parameters(), lr=RATE)

    def epoch(self):
        start = time.perf_counter()
        for i in torch.randperm(len(self.clips)).tolist():
            path, label = self.clips[i]
            x = self.kept[i] if self.kept else normalised(path)
            s = torch.logsumexp(self.head(x)[:, 0], dim=0)
            loss = F.cross_entropy(torch.stack([-s, s])[None], label)
            self.adam.zero_grad()
            loss.backward()
            self.adam.step()
        return time.perf_counter() - start


def falsetto(program, folder, threads, *more):
    """Least seconds of an epoch."""
    curve = folder / "curve.csv"
    subprocess.run(
        [program, "train", "probe", "-q", "--train", folder / "train.csv", "--val", folder / "val.csv", "--features", folder,
         "-o", folder / "probe.safetensors", "--epochs", str(EPOCHS), "--patience", str(EPOCHS), "--curve", curve,
         "-j", str(threads), *more],
        check=True, stdout=subprocess.DEVNULL)
    with open(curve, newline="") as rows:
        return min(float(row["seconds"]) for row in csv.DictReader(rows))


def race(args, folder, rows, threads):
    torch.set_num_threads(threads)
    contenders = {
        "falsetto --fast": lambda: falsetto(args.falsetto, folder, threads, "--fast"),
        "falsetto": lambda: falsetto(args.falsetto, folder, threads),
        "torch, files": TorchLoop(folder, rows, False).epoch,
        "torch, memory": TorchLoop(folder, rows, True).epoch,
    }
    seconds = {name: [] for name in contenders}
    for _ in range(args.repeats + 1):  # the first round warms up
        for name, run in contenders.items():
            seconds[name].append(run())
    fast = seconds["falsetto --fast"][1:]
    for name, laps in seconds.items():
        laps = laps[1:]
        print(f"| {threads} | {name} | {statistics.median(laps):.4f} | {min(laps):.4f} | "
              f"{statistics.median(laps) / statistics.median(fast):.1f} | {min(laps) / min(fast):.1f} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--falsetto", required=True, type=Path)
    parser.add_argument("--clips", type=int, default=300)
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--work", type=Path, help="folder for the features, about 1 MB per clip (default: a temporary one)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.work) as name:
        folder = Path(name)
        rows = make_clips(folder, args.clips)
        print(f"PyTorch {torch.__version__}; {args.clips} clips x {FRAMES} x {DIM} float32; seconds per epoch")
        print("| threads | | median | least | median / fast | least / fast |\n|---|---|---|---|---|---|")
        for threads in map(int, args.threads.split(",")):
            race(args, folder, rows, threads)


if __name__ == "__main__":
    main()
