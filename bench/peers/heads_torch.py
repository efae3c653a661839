"""Training steps of the transformer classifier and of next-token prediction against PyTorch: same parameters, same features,
step by step in turn.

    python heads_torch.py --step build/bench/bench_step [--kinds ntp,transformer] [--threads 1,2] [--frames 250] [--repeats 7]

The networks are torch.nn.TransformerEncoder of the released sizes. "torch" updates with Adam as it comes, "torch, fused Adam"
with the update in one kernel. Losses of all must agree before anything is timed. CPU time counts what the process's threads
worked: on a machine that does other things at the same time it is the fairer number, with one thread.
"""
import argparse
import math
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

WIDTH, HEADS, FFN, RATE = 512, 4, 1024, 1e-4


class Stack(nn.Module):
    """Parameter names as in the files of both heads."""

    def __init__(self, dim, layers, output_name, output_dim):
        super().__init__()
        self.input_proj = nn.Linear(dim, WIDTH)
        layer = nn.TransformerEncoderLayer(WIDTH, HEADS, FFN, dropout=0.0, activation="gelu", batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, layers, norm=nn.LayerNorm(WIDTH), enable_nested_tensor=False)
        setattr(self, output_name, nn.Linear(WIDTH, output_dim))
        self.output = getattr(self, output_name).forward

    def through(self, x, positions, mask):
        h = self.input_proj(x) + positions[:len(x)]
        return self.output(self.encoder(h[None], mask=mask, is_causal=mask is not None)[0])


def position_table(frames):
    angle = np.arange(frames)[:, None] / 10000.0 ** (np.arange(0, WIDTH, 2) / WIDTH)
    return torch.tensor(np.stack([np.sin(angle), np.cos(angle)], axis=2).reshape(frames, WIDTH), dtype=torch.float32)


class Ntp(Stack):
    def __init__(self, dim):
        super().__init__(dim, 4, "output_proj", dim)

    def loss(self, x, label, positions):
        mask = nn.Transformer.generate_square_subsequent_mask(len(x) - 1)
        return F.mse_loss(self.through(x[:-1], positions, mask), x[1:])


class Transformer(Stack):
    def __init__(self, dim):
        super().__init__(dim, 2, "head", 1)

    def loss(self, x, label, positions):
        s = torch.logsumexp(self.through(x, positions, None)[:, 0], dim=0)
        return F.softplus(-2 * s if label else 2 * s)


KINDS = {"ntp": Ntp, "transformer": Transformer}


class TorchStep:
    def __init__(self, kind, state, rows, clip_frames, threads, fused):
        self.model, self.threads = KINDS[kind](rows.shape[1]), threads
        self.model.load_state_dict(state)
        self.clips = F.normalize(rows, dim=1).split(clip_frames)
        self.positions = position_table(clip_frames)
        self.adam = torch.optim.Adam(self.model.parameters(), lr=RATE, fused=fused)

    def cpu(self):
        return time.process_time()

    def __call__(self):
        torch.set_num_threads(self.threads)
        start = time.perf_counter()
        self.adam.zero_grad()
        losses = [self.model.loss(clip, i % 2, self.positions) for i, clip in enumerate(self.clips)]
        loss = torch.stack(losses).mean()
        loss.backward()
        self.adam.step()
        return float(loss.detach()), time.perf_counter() - start


class OurStep:
    def __init__(self, program, folder, clip_frames, threads):
        self.process = subprocess.Popen([program, folder / "head.pt", folder / "rows.npy", str(clip_frames), str(threads)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def cpu(self):
        """Seconds that the threads of the program have run."""
        tasks = Path(f"/proc/{self.process.pid}/task").glob("*/schedstat")
        return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9

    def __call__(self):
        print("step", file=self.process.stdin, flush=True)
        loss, seconds = self.process.stdout.readline().split()
        return float(loss), float(seconds)

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def race(args, kind, threads, folder, state, rows):
    steps = {"falsetto": OurStep(args.step, folder, args.frames, threads),
             "torch": TorchStep(kind, state, rows, args.frames, threads, fused=False),
             "torch, fused Adam": TorchStep(kind, state, rows, args.frames, threads, fused=True)}
    laps, work = {name: [] for name in steps}, {name: [] for name in steps}
    for lap in range(args.repeats + 1):
        losses = {}
        for name, step in steps.items():
            before = step.cpu()
            losses[name], seconds = step()
            if lap:  # the first one warms up
                laps[name].append(seconds)
                work[name].append(step.cpu() - before)
        if not math.isclose(min(losses.values()), max(losses.values()), rel_tol=1e-3):
            raise SystemExit(f"losses differ in step {lap}: {losses}")
    steps["falsetto"].end()
    for name in steps:
        wall, cpu = (f"{1000 * statistics.median(of[name]):.0f} ({1000 * min(of[name]):.0f}) | "
                     f"{statistics.median(of[name]) / statistics.median(of['falsetto']):.2f}" for of in (laps, work))
        print(f"| {kind} | {threads} | {name} | {wall} | {cpu} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--step", required=True, help="the program bench_step")
    parser.add_argument("--kinds", default="ntp,transformer")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--dim", type=int, default=1024)
    parser.add_argument("--frames", type=int, default=250, help="of a clip")
    parser.add_argument("--clips", type=int, default=1, help="in a step")
    parser.add_argument("--repeats", type=int, default=7)
    args = parser.parse_args()
    torch.manual_seed(0)
    print("| head | threads | who | ms per step, median (least) | times falsetto's | CPU ms | times falsetto's |\n" + 7 * "|---" + "|")
    for kind in args.kinds.split(","):
        state, rows = KINDS[kind](args.dim).state_dict(), torch.randn(args.clips * args.frames, args.dim)
        with tempfile.TemporaryDirectory() as folder:
            torch.save({"model_type": kind, "config": {"heads": HEADS}, "state_dict": state}, Path(folder) / "head.pt")
            np.save(Path(folder) / "rows.npy", rows.numpy())
            for threads in args.threads.split(","):
                race(args, kind, int(threads), Path(folder), state, rows)


if __name__ == "__main__":
    main()
