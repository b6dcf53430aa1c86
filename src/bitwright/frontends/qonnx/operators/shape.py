"""Operators that move elements, or compute shapes."""

from __future__ import annotations

from dataclasses import dataclass

from bitwright.frontends.qonnx.model import Array, Operator

__all__ = [
    "Concat",
    "ConstantOfShape",
    "DepthToSpace",
    "Expand",
    "Flatten",
    "Gather",
    "Pad",
    "Range",
    "Reshape",
    "Resize",
    "Shape",
    "Size",
    "Slice",
    "SpaceToDepth",
    "Split",
    "Squeeze",
    "Tile",
    "Transpose",
    "Unsqueeze",
]


@dataclass(frozen=True, slots=True)
class Reshape(Operator):
    """x, shape: -1 is what is left, 0 keeps (unless `allow_zero`)."""

    allow_zero: bool


@dataclass(frozen=True, slots=True)
class Flatten(Operator):
    """Two axes: all before `axis`, and the rest."""

    axis: int


@dataclass(frozen=True, slots=True)
class Transpose(Operator):
    """Axes in another order; None turns them around."""

    perm: tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class Squeeze(Operator):
    """x, perhaps axes: axes of length 1 go away."""


@dataclass(frozen=True, slots=True)
class Unsqueeze(Operator):
    """x, axes: axes of length 1 come in."""


@dataclass(frozen=True, slots=True)
class Concat(Operator):
    """Tensors side by side along `axis`."""

    axis: int


@dataclass(frozen=True, slots=True)
class Split(Operator):
    """x, perhaps the sizes; else into as many equal parts as there are outputs."""

    axis: int


@dataclass(frozen=True, slots=True)
class Slice(Operator):
    """x, starts, ends, perhaps axes and steps."""


@dataclass(frozen=True, slots=True)
class Pad(Operator):
    """x, pads (all before, then all after), perhaps the value and the axes."""

    mode: str


@dataclass(frozen=True, slots=True)
class Gather(Operator):
    """x, indices, along `axis`."""

    axis: int


@dataclass(frozen=True, slots=True)
class Expand(Operator):
    """x, shape: broadcast."""


@dataclass(frozen=True, slots=True)
class Tile(Operator):
    """x, how often along each axis."""


@dataclass(frozen=True, slots=True)
class Shape(Operator):
    """The shape from `start` to `end` as integers."""

    start: int
    end: int | None


@dataclass(frozen=True, slots=True)
class Size(Operator):
    """How many elements."""


@dataclass(frozen=True, slots=True, eq=False)
class ConstantOfShape(Operator):
    """shape: a tensor full of one value."""

    value: Array


@dataclass(frozen=True, slots=True)
class Range(Operator):
    """start, limit, step."""


@dataclass(frozen=True, slots=True)
class DepthToSpace(Operator):
    """Channels to blocks of pixels; `columns_first`: the mode CRD."""

    block: int
    columns_first: bool


@dataclass(frozen=True, slots=True)
class SpaceToDepth(Operator):
    """Blocks of pixels to channels."""

    block: int


@dataclass(frozen=True, slots=True)
class Resize(Operator):
    """x, "", scales, sizes (one of the two)."""

    mode: str
    coordinates: str
    nearest: str
    axes: tuple[int, ...] | None = None
