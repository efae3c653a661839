"""The bare-product ceiling: how long a network would take if its matrix products ran at the best rate that this machine
reaches for products of their shapes alone, and all the rest cost nothing. Convolutions count in their direct form, so
Winograd's algorithm can beat the ceiling."""

import subprocess
from dataclasses import dataclass

# Rates no longer rise beyond these, and measuring stays short.
MOST_ROWS = 2048
MOST_BATCH = 16


@dataclass(frozen=True)
class Ceiling:
    gflop: float
    seconds: float | None  # None: nothing here computes such products
    arithmetic: str


_rates = {}  # (threads, dtype, shape): GFLOP/s


def measured_shape(batch, rows, inner, columns):
    """The shape whose rate stands for this one."""
    return min(batch, MOST_BATCH), min(rows, MOST_ROWS), inner, min(columns, 4 * MOST_ROWS)


def best_rates(program, threads, dtype, shapes):
    """Runs bench_products on shapes without a rate yet."""
    wanted = [shape for shape in shapes if (threads, dtype, shape) not in _rates]
    if not wanted:
        return
    text = "".join(f"{' '.join(map(str, shape))}\n" for shape in wanted)
    done = subprocess.run([program, str(threads), dtype], input=text, capture_output=True, text=True, check=True)
    for line in done.stdout.splitlines()[1:]:
        *shape, ours, onednn = line.split()
        rates = [float(rate) for rate in (ours, onednn) if rate != "-"]
        _rates[threads, dtype, tuple(map(int, shape))] = max(rates, default=0)


def rate(threads, dtype, shape):
    return _rates[threads, dtype, shape]


def measure(program, threads, dtype, counted):
    """`counted`: [batch, rows, inner, columns, count] of each product of a pass. Where there is no bf16 product, as on
    CPUs without units for it, the float32 rate is the ceiling: that is what such a CPU computes with."""
    shapes = {measured_shape(*product[:4]) for product in counted}
    best_rates(program, threads, dtype, sorted(shapes))
    without = [shape for shape in shapes if not rate(threads, dtype, shape)]
    if without:
        best_rates(program, threads, "fp32", without)
        for shape in without:
            _rates[threads, dtype, shape] = rate(threads, "fp32", shape)
    gflop = seconds = 0
    for *product, count in counted:
        work = 2e-9 * product[0] * product[1] * product[2] * product[3] * count
        gflop += work
        seconds += work / rate(threads, dtype, measured_shape(*product))
    return Ceiling(gflop, seconds, "float32 for some products" if without and dtype == "bf16" else dtype)
