"""`fold`: the least hardware with which every layer keeps a pace, layer by layer."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, prod

from bitwright.core.errors import Unsupported
from bitwright.core.rules import Rules
from bitwright.ir.graph import Graph, TensorType
from bitwright.ir.graph.ops import Conv, ConvTranspose, Dense, GraphOp, Input, MaxPool, SumPool
from bitwright.ir.program import Node
from bitwright.passes.streaming.folding import Folding
from bitwright.passes.streaming.view import is_of_rows, view_of

__all__ = ["Fold", "divisors", "fold_steps", "legal_foldings"]

GraphNode = Node[GraphOp, TensorType]


def divisors(number: int) -> list[int]:
    """All divisors, ascending."""
    return [d for d in range(1, number + 1) if number % d == 0]


legal_foldings: Rules[[GraphNode, list[TensorType]], list[Folding]] = Rules("foldings of a graph operator")
"""(op, its node, its arguments' types) -> every folding with weights in a memory; none where a layer follows others."""

fold_steps: Rules[[GraphNode, list[TensorType], Folding], int] = Rules("cycles of a folded layer per frame")
"""(op, its node, its arguments' types, folding) -> steps that its slowest process takes per frame."""


@legal_foldings.on(GraphOp)
def _(op: GraphOp, node: GraphNode, args: list[TensorType]) -> list[Folding]:
    return []


@fold_steps.on(GraphOp)
def _(op: GraphOp, node: GraphNode, args: list[TensorType], folding: Folding) -> int:
    return ceil(max(t.size for t in (node.type, *args)) / folding.lanes)


@legal_foldings.on(Input)
def _(op: Input, node: GraphNode, args: list[TensorType]) -> list[Folding]:
    last = node.type.shape[-1] if node.type.shape else 1
    return [Folding(d) for d in divisors(last)]


@legal_foldings.on(MaxPool, SumPool)
def _(op: MaxPool | SumPool, node: GraphNode, args: list[TensorType]) -> list[Folding]:
    return [Folding(d) for d in divisors(args[0].shape[-2] if is_of_rows(op, args[0].shape) else node.type.shape[-1])]


@fold_steps.on(MaxPool, SumPool)
def _(op: MaxPool | SumPool, node: GraphNode, args: list[TensorType], folding: Folding) -> int:
    if is_of_rows(op, args[0].shape):
        return args[0].size // folding.lanes
    view = view_of(op, args[0].shape, node)
    if view.out == (1, 1) and view.kernel == view.grid[:2]:
        return args[0].size // folding.lanes
    rows, columns = (n + sum(p) for n, p in zip(view.grid[:2], view.pads, strict=True))
    return rows * columns * (view.grid[2] // folding.lanes)


@legal_foldings.on(Dense)
def _(op: Dense, node: GraphNode, args: list[TensorType]) -> list[Folding]:
    inputs, outputs = op.weights.shape
    return [Folding(lanes, units) for lanes in divisors(inputs) for units in divisors(outputs)]


@fold_steps.on(Dense)
def _(op: Dense, node: GraphNode, args: list[TensorType], folding: Folding) -> int:
    vectors = prod(node.type.shape[:-1])
    return vectors * (op.weights.shape[0] // folding.lanes) * (op.weights.shape[1] // folding.units)


@legal_foldings.on(Conv, ConvTranspose)
def _(op: Conv | ConvTranspose, node: GraphNode, args: list[TensorType]) -> list[Folding]:
    inner, outputs = op.weights.shape[-2], op.weights.shape[-1] // op.groups
    if inner == outputs == 1 and op.groups > 1:
        return [Folding(d) for d in divisors(op.groups)]
    return [Folding(lanes, units) for lanes in divisors(inner) for units in divisors(outputs)]


@fold_steps.on(Conv, ConvTranspose)
def _(op: Conv | ConvTranspose, node: GraphNode, args: list[TensorType], folding: Folding) -> int:
    inner, outputs = op.weights.shape[-2], op.weights.shape[-1] // op.groups
    taps, places = prod(op.weights.shape[:-2]), prod(node.type.shape[:-1])
    if inner == outputs == 1 and op.groups > 1 and isinstance(op, Conv):
        view = view_of(op, args[0].shape, node)
        rows, columns = (n + sum(p) for n, p in zip(view.grid[:2], view.pads, strict=True))
        return rows * columns * (op.groups // folding.lanes)
    read = prod(args[0].shape) // folding.lanes * (prod(op.strides) if isinstance(op, ConvTranspose) else 1)
    return max(places * op.groups * taps * (inner // folding.lanes) * (outputs // folding.units), read)


@dataclass(frozen=True)
class Fold:
    """Folds each layer of a graph for at most `initiation_cycles` cycles a frame.

    Among the foldings that keep the pace the one with the least hardware is taken, by count: a product at a time, and
    for each unit as much as `_OF_A_UNIT` products for its accumulator and thresholds; among equal ones that whose
    lanes need the least conversion from what comes.
    Layer by layer this is the least hardware; `bitwright.explore` weighs a whole network under a device's budget.
    """

    initiation_cycles: int

    def __call__(self, program: Graph) -> dict[str, Folding]:
        """Foldings by the layers' node names."""
        found: dict[str, Folding] = {}
        lanes: dict[int, int] = {}
        for position, node in enumerate(program.nodes):
            args = program.args_of(node)
            arriving = lanes.get(node.args[0], 1) if node.args else 1
            choices = legal_foldings(node.op, node, [a.type for a in args])
            if not choices:
                lanes[position] = arriving
                continue
            found[node.name] = best = self._best(node, [a.type for a in args], choices, arriving)
            lanes[position] = best.units if _has_units(node.op) else best.lanes
        return found | self._entries(program, found)

    @staticmethod
    def _entries(program: Graph, found: dict[str, Folding]) -> dict[str, Folding]:
        """Inputs come in the words that their reader takes, where it takes whole parts of a pixel."""
        changed: dict[str, Folding] = {}
        for position, readers in enumerate(program.consumers()):
            node = program.nodes[position]
            wanted = found.get(program.nodes[readers[0]].name) if readers else None
            if isinstance(node.op, Input) and wanted is not None and node.type.shape[-1] % wanted.lanes == 0:
                changed[node.name] = Folding(wanted.lanes)
        return changed

    def _best(self, node: GraphNode, args: list[TensorType], choices: list[Folding], arriving: int) -> Folding:
        kept = [c for c in choices if fold_steps(node.op, node, args, c) <= self.initiation_cycles]
        if not kept:
            least = min(fold_steps(node.op, node, args, c) for c in choices)
            raise Unsupported(
                f"a frame takes {least} cycles at least", where=f"layer '{node.origin.layer or node.name}'",
                why=f"{self.initiation_cycles} cycles were asked for", remedy="ask for a slower pace, or unroll it",
            )  # fmt: skip
        return min(kept, key=lambda c: (c.units * (c.lanes + _OF_A_UNIT), _misfit(c.lanes, arriving)))


_OF_A_UNIT = 12


def _misfit(lanes: int, arriving: int) -> tuple[bool, int]:
    """How much a conversion from `arriving` lanes takes: whether it is uneven, and its ratio."""
    wide, narrow = max(lanes, arriving), min(lanes, arriving)
    return wide % narrow != 0, wide // narrow


def _has_units(op: GraphOp) -> bool:
    """Whether a layer's results come `units` at a time."""
    return isinstance(op, Dense) or (isinstance(op, Conv | ConvTranspose) and op.weights.shape[-2:] != (1, op.groups))
