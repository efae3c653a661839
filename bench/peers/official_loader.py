"""Reads a folder of features as the published loaders do, and says whether they could train on it.

    python official_loader.py FEATURES --list labels.csv [--split test] [--inputs audio,video,multimodal,sync]

audio, video, multimodal: the linear probe's dataset. A clip's file is found by the list's path without its last four
characters, in FEATURES/SPLIT where that exists, else in FEATURES, as .npz, else as .npy; the array is the first there is of
audio, arr_0 (audio), visual, video, arr_0 (video), or multimodal; more than two axes become rows; rows are divided by
their norms. sync: AVH-Align's dataset, a sample per frame: a visual row and the audio rows of the window around it, zero
rows outside the clip, both normalised; lengths come from the list's column num_frames, and from the arrays where it is
missing (the published code has no training without that column). Both run behind PyTorch's DataLoader, as published.

Nothing is trained. What is checked is what training would trip over: files that are not there, arrays without rows, of
another type than float16, float32 or float64, of other widths than the first clip's, values that are not finite, rows of
zeros, picture and sound of different lengths. Prints a line per input; exit 1 when an input has a faulty clip, or none at all.
"""
import argparse
import csv
import sys
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset

KEYS = {"audio": ("audio", "arr_0"), "video": ("visual", "video", "arr_0"), "multimodal": ("multimodal",)}
TAU, SYNC_BATCH = 15, 1024


class Faulty(Exception):
    pass


def read_list(path):
    with open(path, newline="") as rows:
        return [(row["path"], int(float(row["label"])), row.get("num_frames")) for row in csv.DictReader(rows)]


def feature_file(root, path):
    base = path[:-4]
    return next((file for file in (root / f"{base}.npz", root / f"{base}.npy") if file.exists()), None)


def pick(file, keys):
    """The array as it is stored, and the key it was found under."""
    loaded = np.load(file)
    if isinstance(loaded, np.ndarray):
        return loaded, "(npy)"
    key = next((key for key in keys if key in loaded), None)
    if key is None:
        raise Faulty(f"has {', '.join(loaded) or 'no arrays'}, none of {', '.join(keys)}")
    return loaded[key], key


def checked(array, width):
    if array.dtype not in (np.float16, np.float32, np.float64):
        raise Faulty(f"is of type {array.dtype}")
    if array.ndim < 2 or array.shape[0] == 0:
        raise Faulty(f"has shape {array.shape}")
    rows = array.reshape(-1, array.shape[-1])
    if width and rows.shape[1] != width:
        raise Faulty(f"has {rows.shape[1]} channels, the first clip has {width}")
    if not np.isfinite(rows).all():
        raise Faulty("has values that are not finite")
    if not rows.any(axis=1).all():
        raise Faulty("has rows of zeros, whose norm is none to divide by")
    return rows


def normalised(rows):
    rows = rows.astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


class Found:
    """What a pass over the list met."""

    def __init__(self):
        self.missing, self.faulty, self.keys, self.types, self.lengths, self.widths = [], [], set(), set(), [], {}

    def rows(self, file, keys):
        array, key = pick(file, keys)
        rows = checked(array, self.widths.get(keys))
        self.widths.setdefault(keys, rows.shape[1])
        self.keys.add(key)
        self.types.add(str(array.dtype))
        return rows

    def print(self, name, samples):
        frames = f"{min(self.lengths)} to {max(self.lengths)}" if self.lengths else "-"
        widths = "+".join(map(str, self.widths.values()))
        print(f"| {name} | {len(self.lengths)} | {len(self.missing)} | {len(self.faulty)} | {samples} | {', '.join(sorted(self.keys))} | "
              f"{', '.join(sorted(self.types))} | {frames} | {widths} |")
        for path, why in self.faulty:
            print(f"{path}: {why}", file=sys.stderr)


class ProbeClips(Dataset):
    """One clip after the other: (rows [T, D], label). A clip without a file is skipped, as published: None."""

    def __init__(self, root, rows, input_type, found):
        self.root, self.clips, self.keys, self.found = root, rows, KEYS[input_type], found

    def __len__(self):
        return len(self.clips)

    def __getitem__(self, index):
        path, label, _ = self.clips[index]
        file = feature_file(self.root, path)
        if file is None:
            self.found.missing.append(path)
            return None
        try:
            rows = self.found.rows(file, self.keys)
        except Faulty as why:
            self.found.faulty.append((path, why))
            return None
        self.found.lengths.append(len(rows))
        return torch.from_numpy(normalised(rows)), label


class SyncFrames(IterableDataset):
    """Frame by frame over the whole list: (visual row [D], audio rows [2 TAU + 1, D])."""

    def __init__(self, root, rows, found):
        self.root, self.clips, self.found = root, rows, found

    def clip(self, path, listed):
        file = feature_file(self.root, path)
        if file is None:
            self.found.missing.append(path)
            return
        visual = self.found.rows(file, ("visual",))
        audio = self.found.rows(file, ("audio",))
        if len(visual) != len(audio):
            raise Faulty(f"has {len(visual)} visual and {len(audio)} audio rows")
        frames = int(float(listed)) if listed else len(visual)
        if frames > len(visual):
            raise Faulty(f"has {len(visual)} rows, the list says {frames}")
        self.found.lengths.append(frames)
        window = np.pad(normalised(audio), ((TAU, TAU), (0, 0)))
        visual = normalised(visual)
        for t in range(frames):
            yield torch.from_numpy(visual[t]), torch.from_numpy(window[t:t + 2 * TAU + 1])

    def __iter__(self):
        for path, _, listed in self.clips:
            try:
                yield from self.clip(path, listed)
            except Faulty as why:
                self.found.faulty.append((path, why))


def go_through(name, root, rows, found):
    """Samples that reach the training loop."""
    if name == "sync":
        batches = DataLoader(SyncFrames(root, rows, found), batch_size=SYNC_BATCH)
        return sum(len(visual) for visual, audio in batches if audio.shape[1] == 2 * TAU + 1)
    batches = DataLoader(ProbeClips(root, rows, name, found), batch_size=1, collate_fn=lambda batch: batch[0])
    return sum(item is not None and item[0].dtype == torch.float32 for item in batches)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("features", type=Path)
    parser.add_argument("--list", required=True, type=Path)
    parser.add_argument("--split", default="test")
    parser.add_argument("--inputs", default="audio,video,multimodal,sync")
    args = parser.parse_args()
    rows = read_list(args.list)
    root = args.features / args.split if (args.features / args.split).is_dir() else args.features
    print("| input | clips | without a file | faulty | samples | array | type | rows | channels |\n|---|---|---|---|---|---|---|---|---|")
    good = True
    for name in args.inputs.split(","):
        found = Found()
        found.print(name, go_through(name, root, rows, found))
        good &= bool(found.lengths) and not found.faulty
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
