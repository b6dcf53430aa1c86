"""`Emulator`: the graph at BLAS speed, still exact: floats carry the integers where they hold every sum.

A linear layer and the shift-round-saturate behind it become one matrix product with weights
scaled by mul / 2**shift (exact in binary floating point), one rounding and one clip. Everything
else runs through `evaluate` on int64.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from threading import local
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from bitwright.core.cores import usable_cores
from bitwright.ir.graph.graph import Graph
from bitwright.ir.graph.kernels import plain_conv, spread, windows
from bitwright.ir.graph.ops import Constant, Conv, ConvTranspose, Dense, Input, Map, Reshape
from bitwright.ir.graph.run import evaluate
from bitwright.numeric import IntArray, Rounding, ShiftRoundSaturate, Thresholds

__all__ = ["Emulator"]

Values = NDArray[Any]
Function = Callable[[Values], Values]
_PER_CHUNK = 1 << 19
_FEW_STEPS = 16


def _same(values: Values) -> Values:
    return values


class _Scratch(local):
    """One buffer per product and thread: fresh memory for every chunk would cost more than the product."""

    def __init__(self) -> None:
        self.held: Values | None = None

    def get(self, rows: int, columns: int, carrier: type[np.floating]) -> Values:
        """An array (rows, columns) that the next call may hand out again."""
        if self.held is None or len(self.held) < rows:
            self.held = np.empty((rows, columns), dtype=carrier)
        return self.held[:rows]


@dataclass(frozen=True)
class _Step:
    """One node (or a fused pair) as a function of its arguments' arrays."""

    node: int
    args: tuple[int, ...]
    call: Callable[[list[Values]], Values]


class Emulator:
    """Runs a graph on many samples: `emulator(inputs)` with int64 or float arrays of codes.

    Same results as `run`, bit for bit (a law); `chunk` samples at a time on `threads` threads.
    """

    def __init__(self, program: Graph, threads: int | None = None) -> None:
        self.program = program
        self.threads = threads or min(usable_cores(), 8)
        self.steps = _plan(program)
        self.inputs = [i for i, n in enumerate(program.nodes) if isinstance(n.op, Input)]
        widest = max(node.type.size for node in program.nodes)
        self.chunk = max(16, min(16384, _PER_CHUNK // max(widest, 1)))

    def __call__(self, inputs: Sequence[Values]) -> list[IntArray]:
        """The output codes, int64 (batch, *shape) per output."""
        keep = [_same] * len(inputs)
        return self.mapped(inputs, keep, [_same] * len(self.program.outputs), np.int64)

    def mapped(
        self, inputs: Sequence[Values], before: Sequence[Function], after: Sequence[Function], dtype: Any
    ) -> list[Values]:
        """As `__call__`, with a function before each input and after each output, chunk by chunk.

        What encodes and decodes thus works on data that is still in the cache. `dtype` is that of
        the results.
        """
        batch = len(inputs[0])
        out = [np.empty((batch, *n.type.shape), dtype=dtype) for n in self.program.results]
        starts = range(0, batch, self.chunk)

        def work(start: int) -> None:
            part = slice(start, start + self.chunk)
            codes = self.floats([f(x[part]) for f, x in zip(before, inputs, strict=True)])
            for target, f, values in zip(out, after, codes, strict=True):
                target[part] = f(values)

        with _one_blas_thread():
            if len(starts) > 1 and self.threads > 1:
                with ThreadPoolExecutor(self.threads) as pool:
                    list(pool.map(work, starts))
            else:
                for start in starts:
                    work(start)
        return out

    def floats(self, inputs: Sequence[Values]) -> list[Values]:
        """The output codes of one chunk in whatever type carried them."""
        values: dict[int, Values] = dict(zip(self.inputs, inputs, strict=True))
        for step in self.steps:
            values[step.node] = step.call([values[a] for a in step.args])
        return [values[o] for o in self.program.outputs]


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()


def _one_blas_thread() -> AbstractContextManager[Any]:
    """BLAS on one thread: the products are small, and chunks already keep every core busy."""
    return _controller().limit(limits=1, user_api="blas")


def _plan(program: Graph) -> list[_Step]:
    readers = program.consumers()
    fused: dict[int, int] = {}
    for position, node in enumerate(program.nodes):
        if isinstance(node.op, Map) and isinstance(node.op.form, ShiftRoundSaturate):
            source = node.args[0]
            alone = len(readers[source]) == 1 and source not in program.outputs
            linear = isinstance(program.nodes[source].op, Dense | Conv | ConvTranspose)
            if alone and linear and _carrier(program, source, node.op) is not None:
                fused[source] = position
    steps: list[_Step] = []
    for position, node in enumerate(program.nodes):
        if isinstance(node.op, Input) or position in fused:
            continue
        if position in fused.values():
            source = node.args[0]
            steps.append(_Step(position, program.nodes[source].args, _linear(program, source, node.op)))
        else:
            steps.append(_Step(position, node.args, _single(program, position)))
    return steps


def _carrier(program: Graph, position: int, map_: Any = None) -> type[np.floating] | None:
    """The float type that holds every partial sum of a linear node (times the map's mul), if any."""
    node = program.nodes[position]
    op = node.op
    assert isinstance(op, Dense | Conv | ConvTranspose)
    mul, add = np.int64(1), np.int64(0)
    if map_ is not None:
        form = map_.form
        if form.rounding not in (Rounding.FLOOR, Rounding.HALF_EVEN) or not _per_channel(map_):
            return None
        mul, add = np.abs(form.mul.array).max(), np.abs(form.add.array).max()
    columns = np.abs(op.weights.array).reshape(-1, op.weights.shape[-1]).sum(axis=0)
    largest, bias = program.nodes[node.args[0]].type.largest, np.abs(op.bias.array).max(initial=0)
    reach = largest * int(columns.max(initial=0)) + int(bias)
    bound = reach * int(mul) + int(add)
    if bound < 1 << 24:
        return np.float32
    return np.float64 if bound < 1 << 53 else None


def _per_channel(map_: Map) -> bool:
    return map_.rows.shape[:-1] == (1,) * max(len(map_.rows.shape) - 1, 0)


def _linear(program: Graph, position: int, map_: Any = None) -> Callable[[list[Values]], Values]:
    """A linear node, with its map fused in, as one matrix product."""
    op = program.nodes[position].op
    assert isinstance(op, Dense | Conv | ConvTranspose)
    carrier = _carrier(program, position, map_)
    assert carrier is not None
    weights, bias = op.weights.array.astype(np.float64), op.bias.array.astype(np.float64)
    finish: Callable[[Values], Values] = lambda total: total  # noqa: E731
    if map_ is not None:
        form, rows = map_.form, np.broadcast_to(map_.rows.array.reshape(-1), (len(bias),))
        scale = np.ldexp(1.0, -form.shift.array[rows])
        mul, add = form.mul.array[rows], form.add.array[rows]
        weights, bias = weights * mul * scale, (bias * mul + add) * scale
        finish = _finish(form, rows, carrier)
    matrix, offset = weights.astype(carrier), bias.astype(carrier)
    product = _product(op, matrix)

    def call(args: list[Values]) -> Values:
        total = product(args[0].astype(carrier, copy=False))
        total += offset
        return finish(total)

    return call


def _finish(form: ShiftRoundSaturate, rows: IntArray, carrier: type[np.floating]) -> Callable[[Values], Values]:
    rounding = np.rint if form.rounding is Rounding.HALF_EVEN else np.floor
    low, high = form.low.array[rows].astype(carrier), form.high.array[rows].astype(carrier)
    plain = bool((low == low[0]).all() and (high == high[0]).all())

    def call(total: Values) -> Values:
        rounding(total, out=total)
        if plain:
            return np.clip(total, low[0], high[0], out=total)
        return np.clip(total, low, high, out=total)

    return call


def _product(op: Dense | Conv | ConvTranspose, matrix: Values) -> Callable[[Values], Values]:
    if isinstance(op, Dense):
        return _dense(matrix)
    if isinstance(op, Conv):
        return _conv(op, matrix)
    turned = np.ascontiguousarray(np.flip(matrix, tuple(range(len(op.strides)))))
    plain = _conv(plain_conv(op), turned)
    return lambda x: plain(spread(op, x))


def _dense(matrix: Values) -> Callable[[Values], Values]:
    scratch = _Scratch()

    def call(x: Values) -> Values:
        rows = x.reshape(-1, x.shape[-1])
        total = np.matmul(rows, matrix, out=scratch.get(len(rows), matrix.shape[1], matrix.dtype.type))
        return total.reshape(*x.shape[:-1], matrix.shape[1])

    return call


def _conv(op: Conv, matrix: Values) -> Callable[[Values], Values]:
    rank = len(op.strides)
    kernel, inner, filters = matrix.shape[:rank], matrix.shape[rank], matrix.shape[-1] // op.groups

    def call(x: Values) -> Values:
        view = windows(x, kernel, op.strides, op.pads, op.dilation)
        lead = view.shape[: rank + 1]
        parts: list[Values] = []
        for group in range(op.groups):
            channels = view[(..., slice(group * inner, (group + 1) * inner), *[slice(None)] * rank)]
            columns = np.moveaxis(channels, rank + 1, -1).reshape(int(np.prod(lead)), -1)
            picked = matrix[..., group * filters : (group + 1) * filters].reshape(columns.shape[1], filters)
            parts.append(columns @ picked)
        return np.concatenate(parts, axis=1).reshape(*lead, -1) if len(parts) > 1 else parts[0].reshape(*lead, -1)

    return call


def _few_steps(program: Graph, position: int, op: Map) -> bool:
    """Whether a map by thresholds is a sum of a few comparisons per channel that float32 holds."""
    node = program.nodes[position]
    source = program.nodes[node.args[0]].type
    assert isinstance(op.form, Thresholds)
    small = source.largest < 1 << 24 and int(np.abs(op.form.values.array).max(initial=0)) < 1 << 23
    return small and op.form.thresholds.shape[1] <= _FEW_STEPS and _per_channel(op) and bool(node.type.shape)


def _stepped(op: Map, form: Thresholds, channels: int) -> Callable[[list[Values]], Values]:
    rows = np.broadcast_to(op.rows.array.reshape(-1), (channels,))
    # Thresholds beyond all codes stay beyond them as float32.
    steps = np.clip(form.thresholds.array[rows], -(1 << 25), 1 << 25).astype(np.float32)
    values = form.values.array[rows].astype(np.float32)
    first, jumps = values[:, 0], np.diff(values, axis=1)

    def call(args: list[Values]) -> Values:
        x = args[0].astype(np.float32, copy=False)
        total = np.broadcast_to(first, x.shape).copy()
        for step, jump in zip(steps.T, jumps.T, strict=True):
            total += (x >= step) * jump
        return total

    return call


def _single(program: Graph, position: int) -> Callable[[list[Values]], Values]:
    """A node on its own: linear ones through BLAS, the rest through `evaluate`."""
    op = program.nodes[position].op
    if isinstance(op, Dense | Conv | ConvTranspose) and _carrier(program, position) is not None:
        return _linear(program, position)
    if isinstance(op, Constant):
        return lambda args: op.values.array[None]
    if isinstance(op, Map) and isinstance(op.form, Thresholds) and _few_steps(program, position, op):
        return _stepped(op, op.form, program.nodes[position].type.shape[-1])
    if isinstance(op, Reshape):
        return lambda args: evaluate(op, [args[0]])
    return lambda args: evaluate(op, [a.astype(np.int64, copy=False) for a in args])
