"""A graph laid out as actors computes the same codes, however its layers are folded."""

from __future__ import annotations

import random

import pytest
from tests.generate_graphs import random_graph

from bitwright.core.errors import Unsupported
from bitwright.flow.vectors import random_codes
from bitwright.ir import dataflow
from bitwright.ir import graph as graphs
from bitwright.ir.dataflow.ops import Memory
from bitwright.ir.graph import Graph, TensorType
from bitwright.ir.graph.ops import Conv, ConvTranspose, Dense, GraphOp, Input, MaxPool, SumPool
from bitwright.ir.program import Node
from bitwright.passes import apply
from bitwright.passes.streaming import Folding, Kernel, Place, Recode
from bitwright.platforms import device

SEEDS = range(90)
UNSUPPORTED_YET = ("an output that no input reaches", "differs from place to place")


def divisor(rng: random.Random, number: int) -> int:
    return rng.choice([d for d in range(1, number + 1) if number % d == 0])


def random_folding(rng: random.Random, node: Node[GraphOp, TensorType]) -> Folding | None:
    """A legal folding of one layer, or None where the layer follows its argument."""
    op, kernel = node.op, rng.choice(list(Kernel))
    if isinstance(op, Dense):
        return Folding(divisor(rng, op.weights.shape[0]), divisor(rng, op.weights.shape[1]), kernel)
    if isinstance(op, Conv | ConvTranspose):
        inner, filters = op.weights.shape[-2], op.weights.shape[-1] // op.groups
        if inner == filters == 1:
            return Folding(divisor(rng, op.groups))
        return Folding(divisor(rng, inner), divisor(rng, filters), kernel, lines=rng.choice([Memory.LUT, Memory.BLOCK]))
    if isinstance(op, MaxPool | SumPool):
        return Folding(divisor(rng, node.type.shape[-1]))
    return Folding(divisor(rng, node.type.size)) if isinstance(op, Input) else None


def random_foldings(rng: random.Random, graph: Graph) -> dict[str, Folding]:
    found = {node.name: random_folding(rng, node) for node in graph.nodes}
    return {name: folding for name, folding in found.items() if folding is not None}


def placed_or_refused(place: Place, graph: Graph) -> dataflow.Dataflow | None:
    """The program, or None where a layer is refused for a reason that is known."""
    try:
        return dataflow.check(place(graph))
    except Unsupported as error:
        if any(known in str(error) for known in UNSUPPORTED_YET):
            return None
        raise


@pytest.mark.parametrize("batch", range(0, len(SEEDS), 15))
def test_any_folding_of_any_graph_computes_the_same_codes(batch: int) -> None:
    placed = 0
    for seed in SEEDS[batch : batch + 15]:
        rng = random.Random(seed)
        source = random_graph(random.Random(seed))
        codes = random_codes(source, 8, seed)
        graph = graphs.check(Recode()(apply(source)))
        place = Place(device("xc7z020"), rng.choice([None, 100, 300]), random_foldings(rng, graph))
        program = placed_or_refused(place, graph)
        if program is None:
            continue
        placed += 1
        for found, expected in zip(dataflow.run(program, codes), graphs.run(source, codes), strict=True):
            assert (found == expected.reshape(found.shape)).all(), seed
        assert dataflow.parse(dataflow.show(program)) == program
    assert placed >= 7
