"""Tensors while a model is lowered: constants with their integers, and live ones with their layout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bitwright.frontends.grid.walk import Lazy
from bitwright.frontends.qonnx import operators as o
from bitwright.frontends.qonnx.execute import Frame, apply_node
from bitwright.frontends.qonnx.execute.quantize import along, quantized
from bitwright.frontends.qonnx.model import Array, Node
from bitwright.numeric import IntArray

__all__ = ["Fixed", "Live", "Value", "apply_fixed", "fraction"]


@dataclass(frozen=True, eq=False)
class Fixed:
    """A constant: the float values, and where a quantizer made them the integers behind: values = codes x scales.

    `scales` float32 of the same shape as `codes`; both None where nothing is known.
    """

    values: Array
    codes: IntArray | None = None
    scales: NDArray[np.float32] | None = None


@dataclass(frozen=True, eq=False)
class Live:
    """A tensor that depends on an input. `lazy` holds it with its own layout, without the batch axis.

    Axis i of `lazy` is axis order[i] of the ONNX tensor (counted without the batch). `flat`: for ONNX it has one
    axis, the elements in C order of the ONNX axes. `batch`: where ONNX has the batch axis, nearly always in front.
    """

    lazy: Lazy
    order: tuple[int, ...]
    flat: bool = False
    batch: int = 0

    @classmethod
    def plain(cls, lazy: Lazy, batch: int = 0) -> Live:
        """A tensor that lies as ONNX has it."""
        return cls(lazy, tuple(range(len(lazy.shape))), batch=batch)

    @property
    def inner(self) -> tuple[int, ...]:
        """The shape in the order of the ONNX axes, before flattening."""
        return tuple(self.lazy.shape[self.order.index(a)] for a in range(len(self.order)))

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape that ONNX sees, without the batch."""
        return (prod(self.inner),) if self.flat else self.inner

    @property
    def settled(self) -> bool:
        """Whether it lies as ONNX has it."""
        return not self.flat and self.order == tuple(range(len(self.order)))

    def axis(self, told: int) -> int:
        """The axis of `lazy` for ONNX's axis `told`, which counts the batch (negative from behind)."""
        rank = len(self.shape) + 1
        return self.order.index(told % rank - 1)


Value = Fixed | Live

_MOVING = (o.Reshape, o.Flatten, o.Transpose, o.Squeeze, o.Unsqueeze, o.Concat, o.Split, o.Slice, o.Gather,
           o.Expand, o.Tile, o.DepthToSpace, o.SpaceToDepth)  # fmt: skip


def fraction(value: Any) -> Fraction:
    """A float exactly."""
    return Fraction(float(value))


def apply_fixed(node: Node, args: Sequence[Fixed | None]) -> list[Fixed]:
    """The outputs of a node whose inputs are all constants; integers follow where the node only moves elements."""
    frame = Frame(outputs=len(node.outputs))
    values = apply_node(node, [None if a is None else a.values for a in args], frame)
    with np.errstate(all="ignore"):
        codes, scales = _behind(node, args, values)
    return [
        Fixed(v, None if c is None else np.rint(c).astype(np.int64), s)
        for v, c, s in zip(values, codes, scales, strict=True)
    ]


def _behind(
    node: Node, args: Sequence[Fixed | None], values: Sequence[Array]
) -> tuple[Sequence[Array | None], Sequence[Array | None]]:
    nothing: list[Array | None] = [None] * len(values)
    if isinstance(node.op, o.DequantizeLinear):
        return _dequantized(node.op, [np.asarray(a.values) for a in args if a is not None], values[0])
    if isinstance(node.op, o.Quant | o.BipolarQuant):
        return _quantized(node.op, [a.values for a in args if a is not None], values[0])
    first = args[0]
    several = isinstance(node.op, o.Concat)
    if not isinstance(node.op, _MOVING) or first is None or first.codes is None:
        return nothing, nothing
    if several and any(a is None or a.codes is None for a in args):
        return nothing, nothing
    frame = Frame(outputs=len(node.outputs))
    count = len(args) if several else 1
    moved: list[Sequence[Array | None]] = []
    for pick in ("codes", "scales"):
        parts = [getattr(a, pick).astype(np.float64 if pick == "codes" else np.float32) for a in args[:count]]
        rest = [None if a is None else a.values for a in args[count:]]
        moved.append(apply_node(node, [*parts, *rest], frame))
    return moved[0], moved[1]


def _dequantized(
    op: o.DequantizeLinear, args: Sequence[Array], values: Array
) -> tuple[list[Array | None], list[Array | None]]:
    scale, *rest = (along(np.asarray(a, np.float32), op.axis, values.ndim) for a in args[1:])
    codes = args[0].astype(np.float64) - (rest[0] if rest else 0)
    if (codes != np.rint(codes)).any():
        return [None], [None]
    return [np.broadcast_to(codes, values.shape)], [np.broadcast_to(scale, values.shape)]


def _quantized(
    op: o.Quant | o.BipolarQuant, args: Sequence[Array], values: Array
) -> tuple[list[Array | None], list[Array | None]]:
    x, scale = (np.asarray(a, np.float32) for a in args[:2])
    codes = np.where(x >= 0, 1.0, -1.0)
    if isinstance(op, o.Quant):
        zero, bits = (np.asarray(a, np.float32) for a in args[2:4])
        codes = (quantized(op, x, scale, zero, bits) - zero).astype(np.float64)
    if (codes != np.rint(codes)).any():
        return [None], [None]
    return [np.broadcast_to(codes, values.shape)], [np.broadcast_to(scale, values.shape)]
