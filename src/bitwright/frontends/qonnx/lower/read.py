"""`read_model`: an ONNX model to the integer graph, and what the model itself says to compare it with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bitwright.core.errors import BitwrightError, InvalidModel, Unsupported
from bitwright.core.naming import identifier
from bitwright.frontends.grid.elementwise import Evaluation
from bitwright.frontends.grid.reading import Reading
from bitwright.frontends.grid.walk import Declared, InputFormat, Lazy
from bitwright.frontends.qonnx import operators as o
from bitwright.frontends.qonnx.execute import Executor
from bitwright.frontends.qonnx.functions import Two
from bitwright.frontends.qonnx.lower.batch import behind_batch, moves_batch
from bitwright.frontends.qonnx.lower.choose import rising
from bitwright.frontends.qonnx.lower.reader import Reader, evaluate, lower
from bitwright.frontends.qonnx.lower.values import Fixed, Live, Value, apply_fixed
from bitwright.frontends.qonnx.model import Model, Node
from bitwright.ir.interface import Decoder, Head
from bitwright.numeric import Format

__all__ = ["Truth", "output_of", "read_model", "reader_of", "step_node"]


_INSTEAD: dict[type, str] = {
    o.LayerNormalization: "train with batch normalization, which becomes part of an integer function",
    o.Im2Col: "export the convolution itself, before FINN lowers it",
    o.Tile: "use Resize with mode nearest, or Concat",
}
_OTHERS = "compute it from constants, or replace it by operators on quantized tensors"


@dataclass(frozen=True, eq=False)
class Truth:
    """The float executor as what integers are compared with: `names` are the tensors before the float heads."""

    executor: Executor
    names: tuple[str, ...]

    @property
    def name(self) -> str:
        """The model's name."""
        return self.executor.model.name

    def logits(self, x: Sequence[NDArray[Any]]) -> list[NDArray[np.float32]]:
        """The outputs before their float heads."""
        return [np.asarray(a, np.float32) for a in self.executor(x, self.names)]


def read_model(
    model: Model,
    *,
    input_format: Any = None,
    output_format: str | Format | None = None,
    name: str = "",
    writable: Mapping[str, Declared] | None = None,
) -> tuple[Reading, Truth]:
    """The integer graph of `model`, and the float executor before its heads.

    input_format: grid of inputs without a quantizer, "s8.3", a Format, or (format, step).
    output_format: grid on which an output without an exact one is rounded, half-even.
    writable: nodes whose numbers may change at run time, with the bits of weights and biases ("*": every node).
    Raises `Unsupported`, `InvalidModel` or `Inexact` naming the node and the way out.
    """
    reader = reader_of(model, input_format)
    reader.walk.writable = writable or {}
    kinds: dict[str, str] = {}
    for node in model.nodes:
        step_node(node, reader)
        kinds[node.name] = node.kind
    told = Format.parse(output_format) if isinstance(output_format, str) else output_format
    positions, decoders, names = list[int](), list[Decoder](), list[str]()
    for port in model.outputs:
        live = reader.values[port.name]
        if not isinstance(live, Live):
            raise Unsupported("it depends on no input", where=f"output '{port.name}'", remedy="take it off the model")
        try:
            position, decoder = output_of(reader, live, None if told is None else told.step, port.name)
        except BitwrightError as error:
            raise type(error)(error.what, where=error.where, why=error.why, remedy=_advice(error)) from error
        positions.append(position)
        decoders.append(decoder)
        names.append(_before_head(model, port.name) if decoder.head is not Head.NONE else port.name)
    graph = reader.walk.builder.graph(name or identifier(model.name), positions)
    walk = reader.walk
    reading = Reading(graph, tuple(walk.encoders), tuple(decoders), tuple(walk.findings), kinds)
    return reading, Truth(Executor(model), tuple(names))


def reader_of(model: Model, input_format: Any = None) -> Reader:
    """A reader with the inputs and constants of `model`."""
    shapes = {i: _input_shape(port) for i, port in enumerate(model.inputs)}
    counts = {name: len(nodes) for name, nodes in model.readers().items()}
    for port in model.outputs:
        counts[port.name] = counts.get(port.name, 0) + 1
    reader = Reader.of(None if input_format is None else InputFormat.of(input_format), shapes, counts)
    reader.values.update((name, Fixed(values)) for name, values in model.constants.items())
    for i, port in enumerate(model.inputs):
        reader.values[port.name] = Live.plain(Lazy(shapes[i], None, source=i))
    reader.biases.update(_biases(model, counts))
    _fold(model, reader)
    return reader


def _input_shape(port: Any) -> tuple[int, ...]:
    where = f"input '{port.name}'"
    if port.shape is None or not port.shape or any(d is None for d in port.shape[1:]):
        raise Unsupported(f"its shape {port.shape} is open", where=where, remedy="export it with fixed shapes")
    if port.shape[0] not in (1, None):
        raise Unsupported(f"a batch fixed at {port.shape[0]}", where=where, remedy="export it with a batch of 1")
    if port.dtype.kind != "f":
        raise Unsupported(f"its dtype is {port.dtype}", where=where, remedy="feed floats")
    return tuple(int(d) for d in port.shape[1:])


def _biases(model: Model, counts: dict[str, int]) -> dict[str, tuple[Node, str]]:
    """For each sum without a bias that only an Add reads: that Add, and the name of its other operand."""
    readers, found = model.readers(), dict[str, tuple[Node, str]]()
    for node in model.nodes:
        if not isinstance(node.op, o.MatMul | o.Gemm | o.Conv | o.ConvTranspose) or len(node.inputs) > 2:
            continue
        behind = readers.get(node.outputs[0], [])
        if counts.get(node.outputs[0]) != 1 or len(behind) != 1 or behind[0].op != o.Binary(Two.ADD):
            continue
        others = [i for i in behind[0].inputs if i != node.outputs[0]]
        if len(others) == 1:
            found[node.outputs[0]] = behind[0], others[0]
    return found


def _fold(model: Model, reader: Reader) -> None:
    """All tensors that depend on no input, before the walk: a bias may be computed behind the sum it belongs to."""
    for node in model.nodes:
        args = [reader.values.get(n) if n else None for n in node.inputs]
        known = [a for a in args if isinstance(a, Fixed)]
        if len(known) == len([n for n in node.inputs if n]) and not isinstance(node.op, o.Foreign):
            pairs = [a if isinstance(a, Fixed) else None for a in args]
            found = apply_fixed(node, pairs)
            reader.values.update((n, v) for n, v in zip(node.outputs, found, strict=False) if n)


def step_node(node: Node, reader: Reader) -> None:
    """Read one node: its outputs go to `reader.values`."""
    if all(n in reader.values for n in node.outputs if n):
        return
    args: list[Value | None] = [reader.values[n] if n else None for n in node.inputs]
    live = next((a for a in args if isinstance(a, Live)), None)
    if isinstance(node.op, o.Shape | o.Size) and live is not None:
        shape = (*live.shape[: live.batch], 1, *live.shape[live.batch :])
        args, live = list[Value | None]([Fixed(np.broadcast_to(np.float32(0), shape))]), None
    if live is None and not isinstance(node.op, o.Foreign):
        found: list[Value] = [*apply_fixed(node, [a if isinstance(a, Fixed) else None for a in args])]
    elif live is not None and node.outputs[0] in reader.absorbed:
        found = [live]
    else:
        found = _lowered(node, reader, args)
    for name, value in zip(node.outputs, found, strict=False):
        if name:
            reader.values[name] = reader.shared(value, name, node.name) if isinstance(value, Live) else value


def _lowered(node: Node, reader: Reader, args: list[Value | None]) -> list[Value]:
    """The outputs by the node's rule; raises errors that name the node."""
    where = f"node '{node.name}' ({node.kind})"
    if isinstance(node.op, o.Foreign):
        raise Unsupported(node.op.why, where=where, remedy=node.op.remedy)
    if type(node.op) not in lower:
        why, remedy = "the float executor knows it, the integer graph does not", _INSTEAD.get(type(node.op), _OTHERS)
        raise Unsupported(f"{node.kind} of a live tensor", where=where, why=why, remedy=remedy)
    try:
        rule = behind_batch if moves_batch(node, args) else partial(lower, node.op)
        found = rule(node, reader, args)
    except BitwrightError as error:
        raise type(error)(error.what, where=error.where or where, why=error.why, remedy=_advice(error)) from error
    except (ValueError, TypeError, LookupError, ArithmeticError, AssertionError, AttributeError) as error:
        raise InvalidModel(
            "its tensors do not fit together", where=where, why=str(error) or type(error).__name__,
            remedy="export the model again",
        ) from error  # fmt: skip
    return found if isinstance(found, list) else [found]


def _advice(error: BitwrightError) -> str:
    """The way out in the words of this format."""
    if "bw.QActivation" not in error.remedy and "quantize the input first" not in error.remedy:
        return error.remedy
    if "input quantizer" in error.what:
        return "quantize the input in the model (a Quant node), or give input_format='s8.4' to compile"
    if "quantize the input first" in error.remedy:
        return "put a Quant node at the input, or give the pixels' grid: input_format=('u8.0', Fraction(1, 255))"
    if "output_format" in error.remedy:
        return "put a Quant node behind it, or give output_format='s16.8' to compile when it is the last one"
    return "put a Quant node there in the framework that wrote the file"


def output_of(reader: Reader, live: Live, told: Any, name: str) -> tuple[int, Decoder]:
    """The position and the decoder of an output; `told` is the step on which it may be rounded."""
    if live.batch:
        raise Unsupported(
            "its first axis is not the batch", where=f"output '{name}'", remedy="transpose it: the batch comes first"
        )
    live = reader.settled(live, f"output {name}")
    chain = live.lazy.chain
    if told is None and chain and chain[-1].step is None and chain[-1].head is None and rising(reader, live):
        return _tailed(reader, live, name)
    if told is None and (not chain or chain[-1].head is None):
        position, head = reader.walk.output(Lazy(live.lazy.shape, reader.codes(live, name)), None, name)
    else:
        position, head = reader.walk.output(live.lazy, told, name)
    return position, Decoder(reader.walk.type(position).step, head)


def _tailed(reader: Reader, live: Live, name: str) -> tuple[int, Decoder]:
    """An output whose last functions rise and are the same for all: they are the decoder's, tabulated."""
    base = live.lazy.base
    assert base is not None
    type = reader.walk.type(base)
    assert type.step.uniform is not None
    low, high = int(type.low.array.min()), int(type.high.array.max())
    codes = np.arange(low, high + 1) * float(type.step.uniform)
    values = evaluate(live.lazy.chain, Evaluation.COMPILED)(codes[:, None])[:, 0]
    layers = ", ".join(dict.fromkeys(p.layer for p in live.lazy.chain))
    why = f"outside hardware: a table of {len(values)} floats from exact sums, in the same order"
    reader.walk.note(live.lazy.chain[-1].layer, True, f"{layers}: {why}")
    return base, Decoder(type.step, Head.NONE, low, tuple(values.tolist()))


def _before_head(model: Model, name: str) -> str:
    """The tensor that the float head in front of an output reads."""
    node = model.producers()[name]
    while isinstance(node.op, o.Reshape | o.Squeeze | o.Unsqueeze | o.Flatten | o.Transpose):
        node = model.producers()[node.inputs[0]]
    return node.inputs[0]

