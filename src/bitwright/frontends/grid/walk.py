"""The walk over a model: values stay lazy until something other than element-wise reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import numpy as np

from bitwright.core.errors import Inexact, InvalidModel, InvalidValue, Unsupported
from bitwright.core.origin import Origin
from bitwright.frontends.grid.chains import Grid, Lowered, coarsened, lower_chain
from bitwright.frontends.grid.elementwise import Elementwise, Evaluate
from bitwright.frontends.grid.entry import lower_entry
from bitwright.ir.graph import GraphBuilder, TensorType
from bitwright.ir.graph.ops import Conv, Dense, GraphOp, Map
from bitwright.ir.graph.writable import declared
from bitwright.ir.interface import Encoder, Head, RoundEncoder
from bitwright.numeric import Format, Ints, Rounding, ShiftRoundSaturate, Steps

__all__ = ["FLOAT_INPUT", "Declared", "Finding", "InputFormat", "Lazy", "Walk", "then"]

Declared = tuple[int | None, int | None]
"""Bits of a layer's weights and of its biases; None: as many as the numbers that are there need."""
FLOAT_INPUT = "a float input reaches it"
"""What the refusal of an input without a grid begins with."""


@dataclass(frozen=True)
class InputFormat:
    """The grid of an input that no quantizer guards: a format and, if given, another step than its own."""

    format: Format
    step: Fraction

    @classmethod
    def of(cls, told: Any) -> InputFormat:
        """From "s8.3", a Format, or (format, step)."""
        format, step = told if isinstance(told, tuple) else (told, None)  # pyright: ignore[reportUnknownVariableType]
        parsed = Format.parse(format) if isinstance(format, str) else format
        return cls(parsed, parsed.step if step is None else Fraction(step))  # pyright: ignore[reportArgumentType, reportAttributeAccessIssue]


@dataclass(frozen=True)
class Finding:
    """What is known about one layer's exactness, for the certificate.

    `unstable` lists (function, code) pairs of the map at graph position `node` whose result depends
    on how the float code is compiled; they are exempt, counted and shown. `wide`: sums beyond
    2**24 steps, which only float64 holds.
    """

    layer: str
    exact: bool
    why: str
    node: int = -1
    unstable: tuple[tuple[int, int], ...] = ()
    wide: bool = False


@dataclass(frozen=True)
class Lazy:
    """A tensor of the model: codes at `base` (or float input number `source`), then a chain of functions.

    `moves` are shape operators to apply once a float input has been encoded.
    """

    shape: tuple[int, ...]
    base: int | None
    chain: tuple[Elementwise, ...] = ()
    source: int = -1
    moves: tuple[GraphOp, ...] = ()
    key: int = field(default=0, compare=False)

    def then(self, piece: Elementwise) -> Lazy:
        """The same tensor with one more function on it."""
        return replace(self, chain=(*self.chain, piece))


def then(lazy: Lazy, piece: Elementwise) -> Lazy:
    """Append a piece; a float head that a quantizer follows is an ordinary function after all."""
    if lazy.chain and lazy.chain[-1].head in (Head.SIGMOID, Head.TANH) and piece.head is None:
        lazy = replace(lazy, chain=(*lazy.chain[:-1], replace(lazy.chain[-1], head=None)))
    return lazy.then(piece)


class Walk:
    """Collects the graph while a frontend's rules read layer after layer.

    `evaluate`: how the frontend calls its element-wise functions.
    """

    def __init__(
        self, input_format: InputFormat | None, input_shapes: dict[int, tuple[int, ...]], evaluate: Evaluate
    ) -> None:
        self.builder = GraphBuilder()
        self.encoders: list[Encoder] = []
        self.findings: list[Finding] = []
        self.input_format = input_format
        self.input_shapes = input_shapes
        self.evaluate = evaluate
        # What the layer being read is called with beyond tensors.
        self.options: dict[str, Any] = {}
        # Layers whose numbers may change at run time: bits of weights and of biases ("*": every layer).
        self.writable: Mapping[str, Declared] = {}
        # The tensors are kept with the positions: the keys name their functions by id.
        self._done: dict[tuple[Any, ...], tuple[int, Lazy]] = {}
        self._entered: dict[int, int] = {}
        # What a chain of functions was found to be on a grid; it serves every grid inside that one.
        self._known: dict[tuple[Any, ...], tuple[Grid, Lowered, tuple[Elementwise, ...]]] = {}

    # ---- from lazy to codes ------------------------------------------------------------------------

    def codes(self, lazy: Lazy, reader: str) -> int:
        """The graph position of `lazy`'s codes; `reader` names the layer that needs them."""
        key = (lazy.base, lazy.source, lazy.moves, tuple(id(p) for p in lazy.chain))
        if key not in self._done:
            _refuse_heads(lazy)
            found = self._enter(lazy, reader) if lazy.base is None else self._map(lazy, lazy.base)
            self._done[key] = found, lazy
        return self._done[key][0]

    def type(self, position: int) -> TensorType:
        """The type of the codes at `position`."""
        return self.builder.type(position)

    def emit(self, op: GraphOp, args: Sequence[int], layer: str, step: Steps | None = None) -> int:
        """Append an operator that belongs to `layer`."""
        op = self._declared(op, layer)
        try:
            return self.builder.apply(op, args, step=step, name=layer, origin=Origin(layer))
        except InvalidValue as error:
            raise Inexact(error.what, where=f"layer '{layer}'", why=error.why, remedy=error.remedy) from error

    def _declared(self, op: GraphOp, layer: str) -> GraphOp:
        """`op`, with the numbers that may change at run time where its layer is one of those."""
        told = self.writable.get(layer)
        each = isinstance(op, Conv) and op.groups > 1 and op.groups == op.weights.shape[-1]
        if told is None and not each:
            told = self.writable.get("*")
        if told is None or not isinstance(op, Dense | Conv):
            return op
        try:
            return declared(op, *told)
        except InvalidValue as error:
            raise InvalidValue(error.what, where=f"layer '{layer}'", why=error.why, remedy=error.remedy) from error

    def note(self, layer: str, exact: bool, why: str, **more: Any) -> None:
        """Record what is known about `layer`; `more` are further fields of `Finding`."""
        finding = Finding(layer, exact, why, **more)
        if finding not in self.findings:
            self.findings.append(finding)

    def _enter(self, lazy: Lazy, reader: str) -> int:
        """The codes of a float input: up to its first quantizer an encoder, then what follows on its codes."""
        chain = lazy.chain
        count = next((i + 1 for i, piece in enumerate(chain) if piece.step is not None), 0)
        if count == 0 and self.input_format is None and lazy.source not in self._entered:
            raise InvalidModel(
                f"{FLOAT_INPUT}: the model has no input quantizer",
                where=f"layer '{reader}'",
                remedy="begin with `x = bw.QActivation('quantized_bits(8,3,alpha=1)')(inputs)`,"
                " or give input_format='s8.4' to compile",
            )
        if count < len(chain):
            position = self.codes(replace(lazy, chain=chain[:count]), reader)
            return self.codes(Lazy(lazy.shape, position, chain[count:]), reader)
        shape = self.input_shapes[lazy.source]
        position = self._encoded(lazy, shape, reader) if count else self._formatted(lazy.source, shape)
        for move in lazy.moves:
            position = self.emit(move, [position], reader)
        return position

    def _encoded(self, lazy: Lazy, shape: tuple[int, ...], reader: str) -> int:
        chain = lazy.chain
        channelwise = any(piece.channelwise for piece in chain)
        if any(piece.elementwise for piece in chain) and len(shape) > 1:
            raise Unsupported(
                "it differs from element to element", where=f"layer '{reader}'", remedy="quantize the input first"
            )
        if channelwise and lazy.moves:
            raise Unsupported(
                "shapes change between the input and its quantizer",
                where=f"layer '{reader}'",
                remedy="quantize the input first, then change its shape",
            )
        columns = shape[-1] if channelwise and shape else 1
        entry = lower_entry(chain, lazy.source, columns, max(len(shape), 1), self.evaluate)
        self.encoders.append(entry.encoder)
        how = "input encoder proven equal to the quantizer on every float32"
        if entry.unstable:
            how += f"; {entry.unstable} of its levels depend on how the float code is compiled"
        self.note(chain[-1].layer, not entry.unstable, how)
        low, high = (Ints(a).collapsed() for a in (entry.low, entry.high))
        return self.builder.input(TensorType(shape, low, high, entry.step), chain[-1].layer)

    def _formatted(self, source: int, shape: tuple[int, ...]) -> int:
        if source in self._entered:
            return self._entered[source]
        told = self.input_format
        assert told is not None
        self.note(f"input {source}", True, f"inputs are rounded to {told.format} with step {told.step} (input_format)")
        return self._rounded(source, shape, told.step, told.format.low, told.format.high)

    def _rounded(self, source: int, shape: tuple[int, ...], step: Fraction, low: int, high: int) -> int:
        self.encoders.append(RoundEncoder(source, step, low, high))
        type = TensorType(shape, Ints(low), Ints(high), Steps.of(step))
        self._entered[source] = self.builder.input(type, "x" if source == 0 else f"x{source}")
        return self._entered[source]

    def entered(self, encoder: Encoder, type: TensorType, name: str) -> int:
        """The codes of a float input that `encoder` gives."""
        self.encoders.append(encoder)
        return self.builder.input(type, name)

    def indices(self, lazy: Lazy, count: int, reader: str) -> int:
        """The codes of `lazy`; a float input without a quantizer holds the indices 0 to count - 1."""
        if lazy.base is None and not lazy.chain and lazy.source not in self._entered:
            self._rounded(lazy.source, self.input_shapes[lazy.source], Fraction(1), 0, count - 1)
            self.note(f"input {lazy.source}", True, f"inputs are the indices 0 to {count - 1} of layer '{reader}'")
        return self.codes(lazy, reader)

    def _map(self, lazy: Lazy, base: int, told: Fraction | None = None) -> int:
        if not lazy.chain:
            return base
        last = lazy.chain[-1]
        grid, rows = self._grid(lazy, base)
        lowered = self._lowered(lazy.chain, grid, told)
        form, steps = lowered.form, Steps.of(lowered.step)
        if last.steps_differ and told is None and rows.array.size > 1 and rows.array.size == lazy.shape[-1]:
            form, each = coarsened(lowered.form, lowered.step)
            steps = Steps.of(each)
        position = self.emit(Map(form, rows), [base], last.layer, steps)
        self._remember(lazy, grid, lowered, told, position)
        return position

    def _lowered(self, chain: tuple[Elementwise, ...], grid: Grid, told: Fraction | None) -> Lowered:
        key = (tuple(id(p) for p in chain), grid.shape, tuple(grid.step), told)
        if key in self._known:
            known, lowered, _ = self._known[key]
            if (known.low <= grid.low).all() and (grid.high <= known.high).all() and not grid.slack.any():
                return lowered
        lowered = lower_chain(chain, grid, self.evaluate, told)
        self._known[key] = grid, lowered, chain
        return lowered

    def _remember(self, lazy: Lazy, grid: Grid, lowered: Lowered, told: Fraction | None, position: int) -> None:
        size = int((grid.high - grid.low).max()) + 1
        how = f"{size} codes x {len(grid.low)} functions called on the real layers"
        exact = not lowered.unstable and told is None
        if told is not None:
            how += f"; rounded half-even to the step {told} (output_format)"
        if lowered.unstable:
            how += f"; {len(lowered.unstable)} codes depend on how the float code is compiled"
        self.note(lazy.chain[-1].layer, exact, how, node=position, unstable=lowered.unstable)

    def _grid(self, lazy: Lazy, base: int) -> tuple[Grid, Ints]:
        """One column per function that differs: one in all, one per channel, or one per element."""
        type = self.type(base)
        axes = len(type.shape)
        elementwise = any(piece.elementwise for piece in lazy.chain)
        channelwise = elementwise or any(piece.channelwise for piece in lazy.chain)
        step = type.step.array
        if type.step.uniform is not None and not channelwise:
            shape: tuple[int, ...] = (1,) * axes
        elif not elementwise and (step.ndim <= 1 or step.shape[:-1] == (1,) * (step.ndim - 1)):
            shape = (*(1,) * (axes - 1), type.shape[-1])
        else:
            shape = type.shape
        low, high = type.bounds()
        over = tuple(a for a in range(axes) if shape[a] == 1)
        low, high = low.min(axis=over, keepdims=True).ravel(), high.max(axis=over, keepdims=True).ravel()
        steps = np.broadcast_to(step, shape).ravel()
        rows = Ints(np.arange(len(low)).reshape(shape)) if len(low) > 1 else Ints(0)
        # One function for all elements needs no axes of the tensor: backends compile fewer shapes.
        called = shape if channelwise or len(low) > 1 else (1,)
        return Grid(low, high, steps, called, self._slack(base, len(low))), rows

    def _slack(self, base: int, columns: int) -> Any:
        """How far Keras's float value may lie off: zero on dyadic steps, float32 rounding elsewhere."""
        type = self.type(base)
        if type.step.dyadic:
            return np.zeros(columns)
        largest = float(type.step.floats().max()) * type.largest
        return np.full(columns, largest * 2.0**-20)

    # ---- one step for several tensors ---------------------------------------------------------------

    def aligned(self, positions: Sequence[int], layer: str) -> list[int]:
        """The tensors brought to one common step by exact multiplications with integers."""
        types = [self.type(p) for p in positions]
        if all(t.step == types[0].step for t in types) and types[0].step.uniform is not None:
            return list(positions)
        everything = [v for t in types for v in t.step.array.ravel()]
        common = Steps(everything, (len(everything),)).finest
        return [self.rescaled(p, common, layer) for p in positions]

    def rescaled(self, position: int, step: Fraction, layer: str) -> int:
        """The tensor's codes on the finer uniform `step`."""
        type = self.type(position)
        if type.step == Steps.of(step):
            return position
        factors = type.step.array.ravel() / step
        if any(f.denominator != 1 or f.numerator.bit_length() > 40 for f in factors):
            raise Unsupported(f"steps {type.step} and {step} have no common grid", where=f"layer '{layer}'")
        mul = [int(f) for f in factors]
        zeros, big = [0] * len(mul), [1 << 60] * len(mul)
        form = ShiftRoundSaturate(
            Ints(mul), Ints(zeros), Ints(zeros), Rounding.FLOOR, Ints([-b for b in big]), Ints(big)
        )
        rows = Ints(np.arange(len(mul)).reshape(type.step.shape)) if len(mul) > 1 else Ints(0)
        return self.emit(Map(form, rows), [position], layer, Steps.of(step))

    # ---- outputs ------------------------------------------------------------------------------------

    def output(self, lazy: Lazy, told: Fraction | None, name: str) -> tuple[int, Head]:
        """Codes of an output on one step, and the float head that `predict` applies to them."""
        head, chain = Head.NONE, lazy.chain
        if chain and chain[-1].head is not None:
            head, chain = chain[-1].head, chain[:-1]
            self.note(lazy.chain[-1].layer, True, f"float {head.value} outside hardware, on exact logits (argmax kept)")
        cut = replace(lazy, chain=chain)
        if told is not None and cut.base is not None and chain and chain[-1].step is None:
            return self._map(cut, cut.base, told), head
        position = self.codes(cut, name)
        if self.type(position).step.uniform is None:
            position = self._one_step(position, name)
        return position, head

    def _one_step(self, position: int, name: str) -> int:
        steps = self.type(position).step
        if not steps.dyadic:
            raise Unsupported(
                f"its channels have different steps that are no powers of two: {steps}",
                where=f"output '{name}'",
                remedy="give output_format='s16.8' to compile",
            )
        return self.rescaled(position, steps.finest, name)


def _refuse_heads(lazy: Lazy) -> None:
    inner = next((piece for piece in lazy.chain if piece.head), None)
    if inner is not None:
        raise Unsupported(
            "a float softmax or sigmoid inside the network has no exact integer form",
            where=f"layer '{inner.layer}'",
            remedy="move it to the output, or use bw.QActivation with quantized_sigmoid or quantized_tanh",
        )
