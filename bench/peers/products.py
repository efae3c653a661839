"""What a network computes: its matrix products, for the ceiling, and the time of each kind of operation."""

import collections
import math
import time
from dataclasses import dataclass

import torch
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode, resolve_name


@dataclass(frozen=True)
class Product:
    """`batch` products of [rows, inner] and [inner, columns]."""

    batch: int
    rows: int
    inner: int
    columns: int

    def gflop(self):
        return 2e-9 * self.batch * self.rows * self.inner * self.columns


def _linear(args, output):
    outputs, inner = args[1].shape
    return "linear", [Product(1, output.numel() // outputs, inner, outputs)]


def _convolution(args, output):
    """A convolution as the product of its patches and its kernel. Filters of one channel are no products."""
    outputs, inputs_of_group = args[1].shape[:2]
    groups = args[0].shape[1] // inputs_of_group
    kind = f"conv {'x'.join(map(str, args[1].shape[2:]))}" + (f", {groups} groups" if groups > 1 else "")
    if groups > 1 and inputs_of_group == 1:
        return kind, []
    return kind, [Product(groups, output.numel() // outputs, args[1][0].numel(), outputs // groups)]


def _attention(args, output):
    q, k, v = (tensor.shape for tensor in args[:3])
    batch = math.prod(q[:-2])
    return "attention", [Product(batch, q[-2], q[-1], k[-2]), Product(batch, q[-2], k[-2], v[-1])]


def _matmul(args, output):
    return "matmul", [Product(math.prod(output.shape[:-2]), output.shape[-2], args[0].shape[-1], output.shape[-1])]


_PRODUCTS = {
    F.linear: _linear, F.conv1d: _convolution, F.conv2d: _convolution, F.conv3d: _convolution,
    F.scaled_dot_product_attention: _attention, torch.matmul: _matmul, torch.Tensor.matmul: _matmul,
    torch.Tensor.__matmul__: _matmul, torch.bmm: _matmul,
}


class Ledger(TorchFunctionMode):
    """Books every outermost PyTorch call made inside it: CPU seconds of the calling thread and products, by kind."""

    def __init__(self):
        super().__init__()
        self.seconds = collections.Counter()
        self.gflop = collections.Counter()
        self.products = collections.Counter()

    def __torch_function__(self, func, types, args=(), kwargs=None):
        start = time.thread_time()
        output = func(*args, **(kwargs or {}))
        spent = time.thread_time() - start
        kind, products = None, []
        if func in _PRODUCTS:
            kind, products = _PRODUCTS[func](args, output)
        self.seconds[kind or _name(func)] += spent
        for product in products:
            self.gflop[kind] += product.gflop()
            self.products[product] += 1
        return output


def _name(func):
    return (resolve_name(func) or getattr(func, "__name__", "other")).rsplit(".", 1)[-1].strip("_")


def products_of(network, inputs):
    """{Product: how often} of one pass."""
    with torch.inference_mode(), Ledger() as ledger:
        network(*inputs)
    return dict(ledger.products)
