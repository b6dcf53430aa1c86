"""Products of two live tensors: one is kept in a memory and comes again for each row of the other."""

from __future__ import annotations

from math import prod

from bitwright.core.errors import Unsupported
from bitwright.ir.dataflow.ops import Inner, Loop, Rearrange
from bitwright.ir.graph import TensorType
from bitwright.ir.graph.ops import Map, MatMul
from bitwright.ir.netlist import Word
from bitwright.passes.streaming.dots import dot
from bitwright.passes.streaming.fold import divisors, fold_steps, legal_foldings
from bitwright.passes.streaming.folding import Folding
from bitwright.passes.streaming.moves import most_released
from bitwright.passes.streaming.placer import GraphNode, Placer, place

__all__: list[str] = []


@place.on(MatMul)
def _(op: MatMul, placer: Placer, node: GraphNode, last: GraphNode, then: Map | None) -> int:
    left, right = (placer.program.nodes[a].type for a in node.args)
    folding = placer.folding(node)
    rows, inner, columns = left.shape[-2], left.shape[-1], right.shape[-1]
    lanes, units = folding.lanes, folding.units
    if inner % lanes or columns % units or (lanes > 1 and units != columns):
        raise Unsupported(
            f"{lanes} lanes and {units} units for {inner} x {columns}", where=f"layer '{node.name}'",
            remedy="fold by divisors of both: several lanes with all units, or one lane",
        )  # fmt: skip
    batches = _batch(left, node), _batch(right, node)
    blocks, folds = columns // units, inner // lanes
    a = _again(placer, node, 0, lanes, (batches[0], rows, folds), [
        Loop(batches[0], row=1), Loop(prod(node.type.shape[:-2]) // batches[0]), Loop(rows, column=1), Loop(blocks),
        Loop(folds, word=1),
    ])  # fmt: skip
    b = _again(placer, node, 1, lanes * units, (batches[1], folds, blocks), [
        Loop(batches[1], row=1), Loop(prod(node.type.shape[:-2]) // batches[1]), Loop(rows), Loop(blocks, word=1),
        Loop(folds, column=1),
    ])  # fmt: skip
    types = [placer.stream(s).lane_words() for s in (a, b)]
    kernel = placer.tails.pipelined(dot(tuple(types[0]), _joined(types[1]), placer.tails.fabric))
    low, high = int(node.type.low.array.min()), int(node.type.high.array.max())
    tail = placer.tails.mapped([Word(low, high)] * units, placer.mapped(last, then, units))
    return placer.put(Inner(folds, units, kernel, low, high, tail), [a, b], node, last.type)


def _joined(types: list[Word]) -> Word:
    return Word(min(w.low for w in types), max(w.high for w in types))


def _batch(given: TensorType, node: GraphNode) -> int:
    """The matrices of an operand: as many as the result's, or one for all."""
    own, all_ = prod(given.shape[:-2]), prod(node.type.shape[:-2])
    if own not in (1, all_):
        raise Unsupported(
            f"{own} matrices for {all_} products", where=f"layer '{node.origin.layer or node.name}'",
            why="a stream gives all of them once, or one of them always", remedy="repeat them, by upsampling",
        )  # fmt: skip
    return own


def _again(
    placer: Placer, node: GraphNode, port: int, lanes: int, grid: tuple[int, int, int], loops: list[Loop]
) -> int:
    """An operand's words as often as they are needed, in the order of `loops`."""
    source = placer.argument(node, port, lanes)
    kept = tuple(loop for loop in loops if loop.extent > 1) or (Loop(1),)
    if all(loop.extent == 1 for loop in loops):
        return source
    moving = [loop for loop in kept if loop.row or loop.column or loop.word]
    places = [(loop.row, loop.column, loop.word) for loop in moving]
    if len(moving) == len(kept) and places == sorted(places, reverse=True):
        return source
    made = Rearrange(grid, kept, memory=placer.folding(node).lines)
    made = Rearrange(grid, kept, release=most_released(made), memory=made.memory)
    return placer.put(made, [source], node, name=f"{node.name}_{'ab'[port]}")


@legal_foldings.on(MatMul)
def _(op: MatMul, node: GraphNode, args: list[TensorType]) -> list[Folding]:
    inner, columns = args[0].shape[-1], args[1].shape[-1]
    return [Folding(1, u) for u in divisors(columns)] + [Folding(d, columns) for d in divisors(inner)[1:]]


@fold_steps.on(MatMul)
def _(op: MatMul, node: GraphNode, args: list[TensorType], folding: Folding) -> int:
    products = node.type.size * args[0].shape[-1]
    return max(products // (folding.lanes * folding.units), *(a.size // folding.lanes for a in args))
