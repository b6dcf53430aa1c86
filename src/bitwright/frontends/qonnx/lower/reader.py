"""`Reader`: what the rules of a lowering share: the walk, layouts, and codes on demand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bitwright.core.errors import InvalidModel, Unsupported
from bitwright.core.rules import Rules
from bitwright.frontends.grid.chains import Grid
from bitwright.frontends.grid.elementwise import Elementwise, Evaluation, apply_chain
from bitwright.frontends.grid.sums import mantissa
from bitwright.frontends.grid.walk import InputFormat, Lazy, Walk, then
from bitwright.frontends.qonnx.lower.values import Fixed, Live, Value
from bitwright.frontends.qonnx.model import Array, Node
from bitwright.ir.graph import TensorType
from bitwright.ir.graph.ops import GraphOp, Map, Reshape, Transpose
from bitwright.numeric import Ints, Rounding, ShiftRoundSaturate, Steps

__all__ = ["OnnxWalk", "Reader", "evaluate", "exact_in_float", "fixed", "lower"]

_FAR = 1 << 60


def evaluate(chain: Sequence[Elementwise], mode: Evaluation) -> Callable[[NDArray[Any]], NDArray[Any]]:
    """The chain as the float executor computes it, in float32."""

    def run(x: NDArray[Any]) -> NDArray[Any]:
        with np.errstate(all="ignore"):
            return np.asarray(apply_chain(chain, x.astype(np.float32)), np.float32)

    return run


class OnnxWalk(Walk):
    """The walk with float32's own view of scales: they may take all of its mantissa."""

    def _enter(self, lazy: Lazy, reader: str) -> int:
        """A stated input format also serves inputs whose functions differ by channel before they are quantized."""
        differs = any(p.channelwise or p.elementwise for p in lazy.chain)
        if self.input_format is None or not differs or len(lazy.shape) < 2:
            return super()._enter(lazy, reader)
        position = super()._enter(replace(lazy, chain=()), reader)
        return self.codes(Lazy(lazy.shape, position, lazy.chain), reader)

    def grid(self, lazy: Lazy, base: int) -> Grid:
        """The codes that the functions on `lazy` can meet."""
        return self._grid(lazy, base)[0]

    def _slack(self, base: int, columns: int) -> Any:
        """Zero where code x step fits float32; else what sums of rounded products may be off."""
        type = self.type(base)
        if exact_in_float(type):
            return np.zeros(columns)
        return np.full(columns, float(type.step.floats().max()) * type.largest * 2.0**-20)


def exact_in_float(type: TensorType) -> bool:
    """Whether every code times its step is a float32."""
    steps = [v for v in type.step.array.ravel()]
    return type.step.dyadic and all(mantissa(v) == 1 or mantissa(v) * type.largest < 1 << 24 for v in steps)


@dataclass
class Reader:
    """One lowering: the walk that collects the graph, and what is known of each tensor by name.

    factors: for pieces that only scale, the exact factor, one number or (channels,).
    halved: pieces that are max(x, 0), which is the same function of values and of their codes, whatever the step.
    exact: for pieces that read the float result of a sum from a table, the base they read and the exact sum.
    opened: pieces that yield integers with their zero point; dequantized: what a DequantizeLinear made of a tensor.
    """

    walk: OnnxWalk
    values: dict[str, Value]
    counts: dict[str, int]
    absorbed: set[str] = field(default_factory=set[str])
    factors: dict[int, tuple[Elementwise, NDArray[Any]]] = field(
        default_factory=dict[int, tuple[Elementwise, "NDArray[Any]"]]
    )
    halved: dict[int, Elementwise] = field(default_factory=dict[int, Elementwise])
    exact: dict[int, tuple[Lazy, Callable[[], Live]]] = field(
        default_factory=dict[int, tuple[Lazy, Callable[[], Live]]]
    )
    biases: dict[str, tuple[Node, str]] = field(default_factory=dict[str, tuple[Node, str]])
    opened: dict[int, Elementwise] = field(default_factory=dict[int, Elementwise])
    dequantized: dict[tuple[Any, ...], Live] = field(default_factory=dict[tuple[Any, ...], Live])

    @classmethod
    def of(cls, input_format: InputFormat | None, shapes: dict[int, tuple[int, ...]], counts: dict[str, int]) -> Reader:
        """A reader of a model with inputs of these shapes; `counts`: how many nodes read each tensor."""
        return cls(OnnxWalk(input_format, shapes, evaluate), {}, counts)

    # Codes.

    def codes(self, live: Live, layer: str) -> int:
        """The position of the codes of `live`, in its own layout."""
        chain = live.lazy.chain
        last = next((i + 1 for i in range(len(chain) - 1, -1, -1) if chain[i].step is not None), 0)
        tail = chain[last:]
        if tail and id(tail[0]) in self.exact:
            tabled, exact = self.exact[id(tail[0])]
            if replace(live.lazy, chain=tail[:1]) == tabled:
                summed = exact().lazy
                return self.codes(replace(live, lazy=replace(summed, chain=(*summed.chain, *tail[1:]))), layer)
        plain = all(id(p) in self.factors or id(p) in self.halved for p in tail)
        if not (tail and plain and (last or live.lazy.base is not None)):
            return self.walk.codes(live.lazy, layer)
        position = self.walk.codes(replace(live.lazy, chain=chain[:last]), layer)
        for piece in tail:
            if id(piece) in self.halved:
                position = self._halved(position, piece.layer)
            else:
                position = self._rescaled(position, self.factors[id(piece)][1], piece.layer)
        return position

    def _halved(self, position: int, layer: str) -> int:
        """The codes without those below zero, on the same step."""
        one, zero = Ints([1]), Ints([0])
        form = ShiftRoundSaturate(one, zero, zero, Rounding.FLOOR, zero, Ints([_FAR]))
        return self.walk.emit(Map(form, Ints(0)), [position], layer, self.walk.type(position).step)

    def _rescaled(self, position: int, factors: NDArray[Any], layer: str) -> int:
        """The same codes, each worth its factor more; negative ones change sign."""
        type = self.walk.type(position)
        signs = np.where(factors < 0, -1, 1).astype(np.int64).ravel()
        count = len(signs)
        ends = np.full(count, _FAR)
        zeros = Ints(np.zeros(count, dtype=np.int64))
        form = ShiftRoundSaturate(Ints(signs), zeros, zeros, Rounding.FLOOR, Ints(-ends), Ints(ends))
        rows = Ints(np.arange(count).reshape(factors.shape)) if count > 1 else Ints(0)
        steps = np.abs(factors) * type.step.array
        shape = np.shape(steps)
        flat = [Fraction(v) for v in np.asarray(steps, dtype=object).ravel()]
        return self.walk.emit(Map(form, rows), [position], layer, Steps(flat, shape))

    def renamed(self, position: int, layer: str) -> int:
        """The same codes, as numbers with step 1."""
        step = self.walk.type(position).step.uniform
        assert step is not None
        return position if step == 1 else self._rescaled(position, np.array(1 / step, dtype=object), layer)

    def emitted(self, position: int, like: Live | None = None) -> Live:
        """The tensor at `position`, in the layout of `like`, or as ONNX has it."""
        lazy = Lazy(self.walk.type(position).shape, position)
        return Live.plain(lazy) if like is None else replace(like, lazy=lazy)

    def settled_codes(self, live: Live, layer: str) -> int:
        """The position of the codes, laid out as ONNX has them."""
        return self.codes(self.settled(live, layer), layer)

    # Layouts.

    def moved(self, live: Live, op: GraphOp, shape: tuple[int, ...], layer: str, keeps_last: bool = False) -> Lazy:
        """`op`, which moves elements only, under the functions on `live` where they do not notice, else behind them."""
        lazy = live.lazy
        plain = all(not p.elementwise and (keeps_last or not p.channelwise) for p in lazy.chain)
        if plain and lazy.base is None and not any(p.step is not None for p in lazy.chain):
            return replace(lazy, shape=shape, moves=(*lazy.moves, op))
        if plain and lazy.base is not None and lazy.chain and lazy.chain[-1].step is None:
            return replace(lazy, shape=shape, base=self.walk.emit(op, [lazy.base], layer))
        position = self.walk.emit(op, [self.codes(live, layer)], layer)
        return Lazy(self.walk.type(position).shape, position)

    def arranged(self, live: Live, order: tuple[int, ...], layer: str) -> Live:
        """The tensor with its axes in this order (of ONNX axes without the batch)."""
        if live.flat:
            live = self.settled(live, layer)
        if live.order == order:
            return live
        turn = tuple(live.order.index(a) for a in order)
        shape = tuple(live.lazy.shape[a] for a in turn)
        wide = [a for a in turn if live.lazy.shape[a] > 1]
        if wide == sorted(wide):  # only axes of length 1 change places
            same = shape[-1:] == live.lazy.shape[-1:]
            return Live(self.moved(live, Reshape(shape), shape, layer, keeps_last=same), order)
        return Live(self.moved(live, Transpose(turn), shape, layer), order)

    def last(self, live: Live, axis: int, layer: str) -> Live:
        """The tensor with ONNX axis `axis` (without the batch) as its last, the others in order."""
        others = tuple(a for a in range(len(live.inner)) if a != axis)
        return live if live.order[-1:] == (axis,) else self.arranged(live, (*others, axis), layer)

    def settled(self, live: Live, layer: str) -> Live:
        """The tensor as ONNX has it."""
        if live.settled:
            return live
        plain = self.arranged(replace(live, flat=False), tuple(range(len(live.order))), layer)
        return self.reshaped(plain, live.shape, layer)

    def reshaped(self, live: Live, shape: tuple[int, ...], layer: str) -> Live:
        """The tensor under another ONNX shape of as many elements."""
        if live.shape == shape:
            return live
        if prod(live.shape) != prod(shape):
            raise InvalidModel(f"{live.shape} does not become {shape}", where=f"node '{layer}'")
        if [n for n in live.shape if n > 1] == [n for n in shape if n > 1] and not live.flat:
            return self._with_ones(live, shape, layer)
        if len(shape) == 1 and not live.settled:
            return replace(live, flat=True)
        live = self.settled(live, layer)
        if live.shape == shape:
            return live
        return Live.plain(self.moved(live, Reshape(shape), shape, layer))

    def _with_ones(self, live: Live, shape: tuple[int, ...], layer: str) -> Live:
        """Axes of length 1 come and go: where channels would not stay last, they are laid in front."""
        if live.settled and shape[-1:] == live.lazy.shape[-1:]:
            return Live.plain(self.moved(live, Reshape(shape), shape, layer, keeps_last=True))
        old = [a for a, n in enumerate(live.shape) if n > 1]
        new = [a for a, n in enumerate(shape) if n > 1]
        ones = [a for a, n in enumerate(shape) if n == 1]
        order = (*ones, *(new[old.index(a)] for a in live.order if a in old))
        inner = tuple(shape[a] for a in order)
        if inner == live.lazy.shape:
            return Live(live.lazy, order)
        return Live(self.moved(live, Reshape(inner), inner, layer, keeps_last=bool(new)), order)

    # Element-wise functions.

    def parameter(self, live: Live, values: Array, node: Node) -> Array:
        """A constant that ONNX broadcasts against `live`, in the layout of `live`: () where it is one number."""
        if values.size == 1:
            return values.reshape(())
        rank = len(live.shape)
        padded = values.reshape((1,) * (rank + 1 - values.ndim) + values.shape)
        if padded.ndim != rank + 1 or padded.shape[0] != 1 or any(
            n not in (1, m) for n, m in zip(padded.shape[1:], live.shape, strict=True)
        ):
            raise Unsupported(
                f"a constant of shape {values.shape} with a tensor of {live.shape}", where=f"node '{node.name}'",
                why="it would make the tensor larger", remedy="expand the tensor with Expand or Tile at training time",
            )  # fmt: skip
        inner = padded[0]
        if live.flat:
            inner = inner.reshape(live.inner)
        turned = inner.transpose(live.order)
        while turned.ndim and turned.shape[0] == 1:
            turned = turned[0]
        return turned

    def facing(self, live: Live, parameters: Sequence[Array | None], node: Node) -> Live:
        """The tensor laid out so that constants which differ along one axis differ along its last."""
        axes: set[int] = set()
        for values in parameters:
            if values is None or values.size == 1 or live.flat:
                continue
            shape = (1,) * (len(live.shape) + 1 - values.ndim) + values.shape
            axes |= {a for a, n in enumerate(shape[1:]) if n > 1}
        return self.last(live, axes.pop(), node.name) if len(axes) == 1 else live

    def piece(
        self, node: Node, live: Live, apply: Callable[[Array], Array], parameters: Sequence[Array] = (), **more: Any
    ) -> Live:
        """`live` with one more function; `parameters` (in its layout) say whether it differs by channel or element."""
        shapes = [p.shape for p in parameters if p.size > 1]
        elementwise = any(n > 1 for s in shapes for n in s[:-1])
        piece = Elementwise(node.name, apply, bool(shapes), elementwise=elementwise, **more)
        return replace(live, lazy=then(live.lazy, piece))

    def stand_in(self, live: Live, exact: Callable[[], Live]) -> None:
        """Where codes are needed of `live`, whose last function is a table over a sum's codes, `exact` has them."""
        self.exact[id(live.lazy.chain[-1])] = live.lazy, exact

    def remember(self, piece: Elementwise, parameter: Array, exact: Sequence[Fraction]) -> None:
        """`piece` multiplies by `exact`, numbers in the layout of `parameter`, and does nothing else."""
        array = np.empty(len(exact), dtype=object)
        array[:] = exact
        self.factors[id(piece)] = piece, array.reshape(parameter.shape[-1:] if parameter.ndim else ())

    def shared(self, live: Live, name: str, layer: str) -> Live:
        """A quantized tensor with several readers becomes codes once, not once per reader."""
        chain = live.lazy.chain
        if self.counts.get(name, 0) > 1 and chain and chain[-1].step is not None and id(chain[-1]) not in self.opened:
            return self.emitted(self.codes(live, layer), live)
        return live


lower: Rules[[Node, Reader, list[Any]], Any] = Rules("lowering of an ONNX operator")
"""(op, node, reader, inputs as `Fixed`, `Live` or None) to the output, or the list of outputs."""


def fixed(value: Value | None, node: Node, what: str) -> Array:
    """The values of an input that must be constant."""
    if not isinstance(value, Fixed):
        raise Unsupported(f"its {what} is no constant", where=f"node '{node.name}' ({node.kind})")
    return value.values
