"""Windows of one or two dimensions, seen as two."""

from __future__ import annotations

from dataclasses import dataclass

from bitwright.core.errors import Unsupported
from bitwright.ir.dataflow.infer import out_grid
from bitwright.ir.dataflow.ops import Window
from bitwright.ir.graph.ops import Conv, MaxPool, SumPool
from bitwright.ir.netlist import Netlist
from bitwright.passes.streaming.folding import Folding
from bitwright.passes.streaming.placer import GraphNode

__all__ = ["View", "is_of_rows", "view_of"]


@dataclass(frozen=True)
class View:
    """A convolution or pool of one or two dimensions, seen as two."""

    grid: tuple[int, int, int]
    kernel: tuple[int, int]
    strides: tuple[int, int]
    pads: tuple[tuple[int, int], tuple[int, int]]
    dilation: tuple[int, int]

    @property
    def out(self) -> tuple[int, int]:
        """Rows and columns of the result."""
        return out_grid(self.window(0, None, Folding()))

    def window(self, fill: int, tail: Netlist | None, folding: Folding) -> Window:
        """The actor that shows a whole window at a time."""
        return Window(self.grid, self.kernel, self.strides, self.pads, self.dilation, fill, tail, folding.lines)


def is_of_rows(op: MaxPool | SumPool, shape: tuple[int, ...]) -> bool:
    """Whether every window is a row of single elements."""
    if len(shape) < 2 or shape[-1] != 1 or any(n for pads in op.pads for n in pads):
        return False
    rows = (1,) * (len(op.pool) - 1)
    return op.pool == (*rows, shape[-2]) and op.strides[:-1] == rows


def view_of(op: Conv | MaxPool | SumPool, shape: tuple[int, ...], node: GraphNode) -> View:
    """The window of `op` over a tensor of `shape`; raises `Unsupported` beyond two dimensions."""
    kernel = op.weights.shape[: len(op.strides)] if isinstance(op, Conv) else op.pool
    dilation = op.dilation if isinstance(op, Conv) else (1,) * len(op.pool)
    if len(kernel) == 1:
        return View(
            (1, shape[0], shape[1]), (1, kernel[0]), (1, op.strides[0]), ((0, 0), op.pads[0]), (1, dilation[0])
        )
    if len(kernel) != 2:
        raise Unsupported(
            f"windows of {len(kernel)} dimensions", where=f"layer '{node.origin.layer or node.name}'",
            why="streams have rows and columns", remedy='use architecture="parallel", or a layer of two dimensions',
        )  # fmt: skip
    return View(
        (shape[0], shape[1], shape[2]), (kernel[0], kernel[1]), (op.strides[0], op.strides[1]),
        (op.pads[0], op.pads[1]), (dilation[0], dilation[1]),
    )  # fmt: skip
