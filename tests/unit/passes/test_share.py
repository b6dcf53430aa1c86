"""Shared sums as words: exact whatever the constants are, and where these go."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitwright.core.errors import InvalidValue
from bitwright.cost.chain import chain_of
from bitwright.ir.netlist import Netlist, NetlistBuilder, Word, run
from bitwright.ir.netlist.netlist import Port
from bitwright.ir.netlist.ops import Sum
from bitwright.numeric import IntArray, Steps
from bitwright.passes.share import Share, SumGraph


def built(matrix: IntArray, words: list[Word], bias: IntArray, max_depth: int = -1) -> Netlist:
    low, high = (np.array([getattr(w, end) for w in words]) for end in ("low", "high"))
    graph = Share(max_depth=max_depth, operands=3)(matrix, low, high)
    assert isinstance(graph, SumGraph)
    builder = NetlistBuilder()
    x = builder.input_port("x", (len(words),), words, Steps.of(1))
    made = graph.words(builder, list(x.words), bias.tolist())
    return builder.finish("sums", [x], [Port("y", (len(made),), tuple(made), Steps.of(1))])


def chains(netlist: Netlist) -> tuple[int, int]:
    """Carry chains on the longest path, and chains that hold a constant alone."""
    depth: list[int] = []
    alone = 0
    for node in netlist.nodes:
        args = [netlist.nodes[a].type for a in node.args]
        rest = isinstance(node.op, Sum) and chain_of(node.op, node.type, args).rest != 0
        alone += rest
        depth.append(isinstance(node.op, Sum) + rest + max((depth[a] for a in node.args), default=0))
    return max(depth, default=0), alone


def exact(netlist: Netlist, matrix: IntArray, words: list[Word], bias: IntArray) -> bool:
    rng = np.random.default_rng(0)
    low, high = (np.array([getattr(w, end) for w in words]) for end in ("low", "high"))
    x = np.concatenate([low[None], high[None], rng.integers(low, high, (60, len(words)), endpoint=True)])
    return bool((run(netlist, [x])[0] == x @ matrix + bias).all())


@given(st.integers(0, 10**6), st.integers(1, 9), st.integers(1, 6), st.booleans(), st.sampled_from([-1, 0]))
def test_sums_and_biases_are_exact(seed: int, inputs: int, outputs: int, signed: bool, strict: int) -> None:
    rng = np.random.default_rng(seed)
    matrix = rng.integers(-20, 21, (inputs, outputs)) * (rng.random((inputs, outputs)) < 0.7)
    bias = rng.integers(-3000, 3000, outputs)
    words = [
        Word(-(1 << n), (1 << n) - 1) if signed else Word(0, (1 << n) - 1) for n in rng.integers(1, 7, inputs).tolist()
    ]
    least = 3 if strict == 0 else -1  # nine inputs of at most five digits: 45 terms at most
    try:
        found = built(matrix, words, bias, least)
    except InvalidValue:  # more levels are needed
        return
    assert exact(found, matrix, words, bias)


@pytest.mark.parametrize(("weights", "bias"), [([6, 3, 5, 3], -275), ([3, 7, 7, 7], 479), ([-5, -6, 3, -3], 292)])
def test_a_sum_that_only_one_output_reads_takes_the_constant_that_has_no_room(weights: list[int], bias: int) -> None:
    matrix = np.array(weights)[:, None]
    words = [Word(0, 255)] * 4
    found = built(matrix, words, np.array([bias]))
    assert exact(found, matrix, words, np.array([bias]))
    assert chains(found) == (2, 0)


@pytest.mark.parametrize("seed", range(4))
def test_a_bound_on_the_depth_counts_the_chains_of_constants(seed: int) -> None:
    rng = np.random.default_rng(seed)
    matrix = rng.integers(-15, 16, (12, 4)) * (rng.random((12, 4)) < 0.4)
    words = [Word(0, 63)] * 12
    bias = np.zeros(4, dtype=np.int64)
    free, bound = built(matrix, words, bias), built(matrix, words, bias, 3)
    assert exact(bound, matrix, words, bias)
    assert chains(bound)[0] <= 3
    assert chains(free)[0] >= chains(bound)[0]


def test_a_matrix_of_few_weights_leaves_constants_a_chain_where_a_sum_less_costs_little() -> None:
    matrix = np.random.default_rng(2).integers(-7, 8, (12, 12)) * (np.random.default_rng(11).random((12, 12)) < 0.5)
    low, high = np.full(12, -8), np.full(12, 7)
    bound = Share(max_depth=4, operands=3)(matrix, low, high)
    assert isinstance(bound, SumGraph)

    def depth(graph: SumGraph) -> int:
        found = [0] * graph.inputs
        for row in graph.nodes.reshape(-1, 3, 3).tolist():
            found.append(1 + max(found[i] for i, _, _ in row if i >= 0))
        return max(found[i] for i in graph.outputs[:, 0].tolist())

    assert depth(bound) == 3
    assert bound.limit == 4


@pytest.mark.parametrize("seed", range(3))
def test_a_bound_that_the_least_deep_sums_keep_costs_little_more_than_they_do(seed: int) -> None:
    matrix = np.random.default_rng(seed).integers(-31, 32, (24, 24))
    words, bias = [Word(-128, 127)] * 24, np.zeros(24, dtype=np.int64)

    def luts(netlist: Netlist) -> int:
        return sum(
            chain_of(node.op, node.type, [netlist.nodes[a].type for a in node.args]).lut_count
            for node in netlist.nodes
            if isinstance(node.op, Sum)
        )

    free = built(matrix, words, bias)
    bound = built(matrix, words, bias, chains(free)[0])
    assert exact(bound, matrix, words, bias)
    assert chains(bound)[0] <= chains(free)[0]
    assert luts(bound) <= 1.03 * luts(free)
