"""`compile_matrix`: a constant integer matrix as hardware, without a network around it."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from bitwright.core.errors import InvalidValue
from bitwright.core.naming import identifier
from bitwright.core.origin import Origin
from bitwright.flow.design import Design
from bitwright.flow.options import Options
from bitwright.ir.graph import Graph, GraphBuilder, TensorType, check
from bitwright.ir.graph.ops import Dense
from bitwright.ir.interface import Decoder, GridEncoder
from bitwright.numeric import Format, IntArray, Ints, Steps

__all__ = ["InputFormats", "compile_matrix"]

InputFormats = str | Format | Sequence[str | Format | tuple[int, int]]
"""One format for all inputs, or per input a format or an interval of codes (low, high)."""


def compile_matrix(
    weights: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    input_format: InputFormats = "s8.0",
    device: str = "xcvu9p",
    clock_mhz: float | None = None,
    max_depth: int | None = None,
    effort: int = Options.effort,
    budget_s: float | None = None,
    seed: int = 0,
    name: str = "matrix",
) -> Design:
    """The design for y = x @ weights + bias: filters, beamformers and transforms as parallel hardware.

    `weights` (inputs, outputs) and `bias` (outputs,) are integers, a bias in steps of the output.
    `input_format`: a format such as "s8.3" for all inputs, or one per input; an interval of integers (low, high) stands
    for codes of step 1. Outputs have the finest step of the inputs. `max_depth`: sums on any path (None:
    as few as the widest column needs; the constant that is left may take one more chain). `effort`: rounds of the
    search for a smaller circuit. `budget_s`: seconds for it instead; the rounds that were done are
    `search_rounds` of the design and in its manifest, and the same `effort` repeats them.

    Raises `InvalidValue` for weights that are no integers, shapes that do not fit, a depth that is too small.

    >>> design = compile_matrix([[3, -5], [7, 1]], input_format="s4.0")
    >>> design.predict_codes(np.array([[2, -1]])).tolist()
    [[-1, -11]]
    """
    matrix, offset = _integers(weights, "weights", 2), _bias(bias, np.shape(weights))
    low, high, steps = _inputs(input_format, len(matrix))
    finest = Steps.of(steps).finest
    scale = np.array([int(step / finest) for step in steps], dtype=np.int64)
    graph = _graph(identifier(name), matrix * scale[:, None], offset, (low, high, steps), finest)
    options = Options(
        device=device, clock_mhz=clock_mhz, max_depth=-1 if max_depth is None else max_depth, name=name,
        effort=effort, budget_s=budget_s, seed=seed,
    )  # fmt: skip
    encoder = GridEncoder(0, graph.inputs[0].type.step, Ints(low), Ints(high))
    decoder = Decoder(graph.results[0].type.step)
    return Design(graph.name, options, graph, graph, (encoder,), (decoder,), kinds={"y": "matrix"})


def _graph(
    name: str, matrix: IntArray, bias: IntArray, inputs: tuple[IntArray, IntArray, list[Fraction]], step: Fraction
) -> Graph:
    builder = GraphBuilder()
    low, high, steps = inputs
    x = builder.input(TensorType((len(matrix),), Ints(low), Ints(high), Steps.of(steps)), "x")
    y = builder.apply(Dense(Ints(matrix), Ints(bias)), [x], step=Steps.of(step), name="y", origin=Origin("y"))
    return check(builder.graph(name, [y]))


def _integers(values: ArrayLike, what: str, rank: int) -> IntArray:
    array = np.asarray(values)
    if array.ndim != rank or 0 in array.shape:
        raise InvalidValue(f"{what} of shape {array.shape}", where="compile_matrix", remedy="give (inputs, outputs)")
    if array.dtype.kind not in "iu" and (array.dtype.kind != "f" or not (array == np.rint(array)).all()):
        raise InvalidValue(
            f"{what} are no integers", where="compile_matrix", remedy="divide by their step and round first"
        )
    return array.astype(np.int64)


def _bias(bias: ArrayLike | None, shape: tuple[int, ...]) -> IntArray:
    if bias is None:
        return np.zeros(shape[-1:], dtype=np.int64)
    found = _integers(bias, "bias", 1)
    if found.shape != shape[-1:]:
        raise InvalidValue(
            f"{len(found)} biases for {shape[-1]} outputs", where="compile_matrix", remedy="give one per output"
        )
    return found


def _inputs(told: InputFormats, count: int) -> tuple[IntArray, IntArray, list[Fraction]]:
    """Lowest and highest code and step of every input."""
    each: list[Any] = [told] * count if isinstance(told, str | Format) else list(told)
    if len(each) != count:
        raise InvalidValue(
            f"{len(each)} input formats for {count} rows", where="compile_matrix", remedy="give one, or one per row"
        )
    ends = [_ends(entry, i) for i, entry in enumerate(each)]
    low, high = (np.array([e[k] for e in ends], dtype=np.int64) for k in (0, 1))
    return low, high, [e[2] for e in ends]


def _ends(entry: str | Format | tuple[int, int], index: int) -> tuple[int, int, Fraction]:
    if isinstance(entry, str | Format):
        format = Format.parse(entry) if isinstance(entry, str) else entry
        return format.low, format.high, format.step
    low, high = (int(end) for end in entry)
    if low > high:
        raise InvalidValue(f"the interval [{low}, {high}] is empty", where=f"compile_matrix, input {index}")
    return low, high, Fraction(1)
