"""Convolutions and pools as folded HLS C++: loops over places, the window gathered tap by tap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from bitwright.backends.cpp.carriers import largest_sum
from bitwright.backends.cpp.folding import Folded, fold, hoisted, numbers, products
from bitwright.backends.cpp.layers import strides_of
from bitwright.backends.cpp.tree import Block, Line, Statement
from bitwright.ir.graph import TensorType
from bitwright.ir.graph.ops import Conv, ConvTranspose, MaxPool, SumPool

__all__ = ["Windows"]


@dataclass(frozen=True)
class Windows:
    """Windows over the spatial axes: where the input of place (o0, ...) and tap (k0, ...) lies."""

    source: TensorType
    result: TensorType
    kernel: Sequence[int]
    strides: Sequence[int]
    before: Sequence[int]
    dilation: Sequence[int]
    transposed: bool = False

    @property
    def space(self) -> tuple[int, ...]:
        """The input's sizes."""
        return self.source.shape[:-1]

    def found(self) -> list[Statement]:
        """Statements that compute `inside` and `at`, the flat position."""
        lines: list[Statement] = []
        tests, terms = list[str](), list[str]()
        for r, (n, s, b, d) in enumerate(zip(self.space, self.strides, self.before, self.dilation, strict=True)):
            tests += [f"p{r} >= 0", f"p{r} < {n}"]
            if self.transposed:
                lines.append(Line(f"const int q{r} = int(o{r}) + {b} - int(k{r}) * {d};"))
                lines.append(Line(f"const int p{r} = q{r} / {s};"))
                tests += [f"q{r} >= 0", f"q{r} % {s} == 0"]
            else:
                lines.append(Line(f"const int p{r} = int(o{r}) * {s} + int(k{r}) * {d} - {b};"))
            terms.append(f"p{r} * {prod(self.space[r + 1 :])}")
        lines.append(Line(f"const bool inside = {' && '.join(tests)};"))
        lines.append(Line(f"const std::size_t at = inside ? std::size_t({' + '.join(terms)}) : 0;"))
        return lines

    def places(self, scope: Folded, body: Sequence[Statement]) -> list[Statement]:
        """`body` for every place of the result; `place` is its flat position."""
        sizes = self.result.shape[:-1]
        index = " + ".join(f"o{r} * {s}" if s != 1 else f"o{r}" for r, s in enumerate(strides_of(sizes)))
        out: list[Statement] = [Line(f"const std::size_t place = {index};"), *body]
        for r in reversed(range(len(sizes))):
            out = scope.dialect.loop(f"o{r}", sizes[r], out)
        return out

    def taps(self, scope: Folded, body: Sequence[Statement]) -> list[Statement]:
        """`body` for every tap, one a clock cycle; `tap` is its flat position."""
        index = " + ".join(f"k{r} * {s}" if s != 1 else f"k{r}" for r, s in enumerate(strides_of(self.kernel)))
        out: list[Statement] = [Line(f"const std::size_t tap = {index};"), *self.found(), *body]
        pragmas = scope.dialect.pragma("loop_pipeline", ii=1)
        for r in reversed(range(len(self.kernel))):
            out = scope.dialect.loop(f"k{r}", self.kernel[r], out, pragmas)
            pragmas = []
        return out


def _convolution(op: Conv | ConvTranspose, scope: Folded, windows: Windows) -> list[Statement]:
    source, rank = scope.sources[0], len(op.strides)
    per, filters = op.weights.shape[rank:]
    some, taps = filters // op.groups, prod(op.weights.shape[:rank])
    matrix = op.weights.array.reshape(-1, op.groups, some).swapaxes(0, 1)
    bound = largest_sum(op, source)
    constants, made = hoisted(products(scope, matrix, bound, "g", f"place * {filters} + g * {some}"))
    kind, channels = scope.kind(source), per * op.groups
    value = f"inside ? x[at * {channels} + g * {per} + c] : {kind}(0)"
    load = windows.taps(scope, scope.unrolled("c", per, [Line(f"window[tap * {per} + c] = {value};")]))
    group = [Line(f"{kind} window[{taps * per}];"), *scope.dialect.pragma("partition", variable="window"),
             *load, *made]  # fmt: skip
    around = windows.places(scope, scope.dialect.loop("g", op.groups, group))
    return [*numbers(scope, "bias", op.bias.array), *constants, *around]


@fold.on(Conv)
def _(op: Conv, scope: Folded) -> list[Statement]:
    kernel, before = op.weights.shape[: len(op.strides)], [a for a, _ in op.pads]
    windows = Windows(scope.sources[0], scope.result, kernel, op.strides, before, op.dilation)
    return _convolution(op, scope, windows)


@fold.on(ConvTranspose)
def _(op: ConvTranspose, scope: Folded) -> list[Statement]:
    kernel, before = op.weights.shape[: len(op.strides)], [a for a, _ in op.crops]
    windows = Windows(scope.sources[0], scope.result, kernel, op.strides, before, op.dilation, True)
    return _convolution(op, scope, windows)


def _pool(op: SumPool | MaxPool, scope: Folded, kind: str, start: str, update: str) -> list[Statement]:
    windows = Windows(scope.sources[0], scope.result, op.pool, op.strides, [a for a, _ in op.pads], [1] * len(op.pool))
    channels = scope.result.shape[-1]
    channel: list[Statement] = [
        Line(f"{kind} total = {start};"),
        *windows.taps(scope, [Block("if (inside)", (Line(f"const {kind} value = x[at * {channels} + c];"),
                                                    Line(update)))]),
        Line(f"y[place * {channels} + c] = total;"),
    ]  # fmt: skip
    return windows.places(scope, scope.dialect.loop("c", channels, channel))


@fold.on(SumPool)
def _(op: SumPool, scope: Folded) -> list[Statement]:
    kind = scope.kinds.reach(scope.sources[0].largest * prod(op.pool)).text
    return _pool(op, scope, kind, "0", "total += value;")


@fold.on(MaxPool)
def _(op: MaxPool, scope: Folded) -> list[Statement]:
    low = int(scope.sources[0].low.array.min())
    return _pool(op, scope, scope.kind(scope.sources[0]), f"{low}", "total = value > total ? value : total;")
