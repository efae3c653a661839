"""The sync head's training step against PyTorch: same parameters, same features, step by step in turn.

    python sync_torch.py --step build/bench/bench_step [--threads 1,2] [--frames 100] [--repeats 5] [--tau 15]

PyTorch runs in two forms. "windows" is what the published training loop hands to the network: for each of the 1024 frames the
31 audio vectors around it, all pairs through every layer. "shared" is PyTorch given our own saving: projections and both
halves of the first layer once per frame. Losses of all must agree before anything is timed.
"""
import argparse
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

DIM, PROJECTED, WIDTHS, BATCH, RATE = 1024, 512, (512, 256, 128), 1024, 1e-5


class Fusion(nn.Module):
    """Parameter names as in the published checkpoint."""

    def __init__(self):
        super().__init__()
        self.visual_proj = nn.Linear(DIM, PROJECTED)
        self.audio_proj = nn.Linear(DIM, PROJECTED)
        layers, before = [], 2 * PROJECTED
        for width in WIDTHS:
            layers += [nn.Linear(before, width), nn.LayerNorm(width), nn.ReLU()]
            before = width
        self.mlp = nn.Sequential(*layers, nn.Linear(before, 1))

    def windows(self, visual, audio, index):
        """All pairs through all layers. audio has a zero row at the end; index [frames, window] of its rows."""
        pairs = audio[index]
        v = self.visual_proj(visual)[:, None].expand(-1, index.shape[1], -1)
        return self.mlp(torch.cat([v, self.audio_proj(pairs)], dim=-1))[..., 0]

    def shared(self, visual, audio, index):
        first = self.mlp[0]
        v = F.linear(self.visual_proj(visual), first.weight[:, :PROJECTED], first.bias)
        a = F.linear(self.audio_proj(audio), first.weight[:, PROJECTED:])
        return self.mlp[1:](v[:, None] + a[index])[..., 0]


def window_rows(frames, clip_frames, tau):
    """For every frame the rows of its window; `frames` is the zero row."""
    t = torch.arange(frames)[:, None]
    rows = t + torch.arange(-tau, tau + 1)[None]
    clip = t // clip_frames
    inside = (rows >= 0) & (rows < frames) & (rows // clip_frames == clip)
    return torch.where(inside, rows, torch.full_like(rows, frames))


class TorchStep:
    def __init__(self, form, state, rows, clip_frames, tau, threads):
        self.model, self.threads = Fusion(), threads
        self.model.load_state_dict(state)
        self.form = getattr(self.model, form)
        self.visual = F.normalize(rows[:, :DIM], dim=1)
        self.audio = torch.cat([F.normalize(rows[:, DIM:], dim=1), torch.zeros(1, DIM)])
        self.index = window_rows(len(rows), clip_frames, tau)
        self.adam = torch.optim.Adam(self.model.parameters(), lr=RATE)

    def __call__(self):
        torch.set_num_threads(self.threads)
        start = time.perf_counter()
        self.adam.zero_grad()
        logits = self.form(self.visual, self.audio, self.index)
        target = torch.full((len(logits),), logits.shape[1] // 2)
        loss = F.cross_entropy(logits, target, reduction="sum")
        loss.backward()
        self.adam.step()
        return float(loss.detach()), time.perf_counter() - start


class OurStep:
    def __init__(self, program, folder, clip_frames, threads):
        self.process = subprocess.Popen([program, folder / "sync.pt", folder / "rows.npy", str(clip_frames), str(threads)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(self):
        print("step", file=self.process.stdin, flush=True)
        loss, seconds = self.process.stdout.readline().split()
        return float(loss), float(seconds)

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def race(args, threads, folder, state, rows):
    steps = {"falsetto": OurStep(args.step, folder, args.frames, threads)}
    for form in args.forms.split(","):
        steps[form] = TorchStep(form, state, rows, args.frames, args.tau, threads)
    laps = {name: [] for name in steps}
    for lap in range(args.repeats + 1):
        losses = {}
        for name, step in steps.items():
            losses[name], seconds = step()
            if lap:  # the first one warms up
                laps[name].append(seconds)
        spread = max(losses.values()) - min(losses.values())
        if not spread < 1e-4 * max(losses.values()):
            raise SystemExit(f"losses differ in step {lap}: {losses}")
    steps["falsetto"].end()
    ours = statistics.median(laps["falsetto"])
    for name, seconds in laps.items():
        median = statistics.median(seconds)
        print(f"| {threads} | {name} | {1000 * median:.0f} ({1000 * min(seconds):.0f}) | {median / ours:.2f} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--step", required=True, help="the program bench_step")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--forms", default="windows,shared")
    parser.add_argument("--frames", type=int, default=100, help="of a clip")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--tau", type=int, default=15)
    args = parser.parse_args()
    torch.manual_seed(0)
    state, rows = Fusion().state_dict(), torch.randn(BATCH, 2 * DIM)
    with tempfile.TemporaryDirectory() as folder:
        torch.save({"state_dict": state, "args": argparse.Namespace(tau=args.tau)}, Path(folder) / "sync.pt")
        np.save(Path(folder) / "rows.npy", rows.numpy())
        print("| threads | who | ms per step, median (least) | times falsetto's |\n|---|---|---|---|")
        for threads in args.threads.split(","):
            race(args, int(threads), Path(folder), state, rows)


if __name__ == "__main__":
    main()
