"""From graphs to engine programs: the same function, and what is refused is refused by name."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from tests.engine_graphs import (
    GRAPHS,
    alexnet,
    binary,
    branched,
    codes,
    constants,
    grouped,
    moved,
    perceptron,
    residual,
    uneven,
)
from tests.generate_graphs import random_graph

from bitwright.core.errors import InvalidProgram, InvalidValue, Unsupported
from bitwright.ir import engine as engines
from bitwright.ir.engine import Engine, External
from bitwright.ir.engine.ops import Bring, Fetch, Matrix, Send, Vector
from bitwright.ir.graph import Graph, GraphBuilder, TensorType, run
from bitwright.ir.graph import ops as g
from bitwright.ir.netlist import Word
from bitwright.numeric import Ints, Steps, Table
from bitwright.passes.engine import ScheduleEngine
from bitwright.platforms import device

XCVU9P = device("xcvu9p")


def scheduled(
    graph: Graph, lanes: int, external: External | None = None, buffer_words: int = 0, feature_words: int = 0
) -> Engine:
    return engines.check(ScheduleEngine(XCVU9P, None, lanes, external, buffer_words, feature_words)(graph))


def same(graph: Graph, program: Engine, frames: int = 3) -> bool:
    given = codes(graph, frames)
    (wanted,), (found,) = run(graph, given), engines.run(program, given)
    return np.array_equal(wanted, found.reshape(wanted.shape))


@pytest.mark.parametrize("lanes", [1, 4, 8])
@pytest.mark.parametrize("outside", [False, True])
def test_weights_of_minus_one_and_one_take_a_bit(lanes: int, outside: bool) -> None:
    """Words that channels do not fill have any bits: what these multiply is zero, and what they make is not kept."""
    external = External() if outside else None
    program = scheduled(binary(), lanes, external)
    machine = program.machine
    assert machine.signs
    assert machine.weight == Word(0, 1)
    assert engines.parse(engines.show(program)) == program
    assert same(binary(), program, 20)
    flipped = replace(program, machine=replace(machine, signs=False))
    assert not same(binary(), flipped)


@pytest.mark.parametrize("make", [grouped, residual, perceptron])
def test_where_a_weight_is_zero_all_have_the_bits_for_it(make: Callable[[], Graph]) -> None:
    assert not scheduled(make(), 4).machine.signs
    assert scheduled(make(), 4).machine.weight.signed


@pytest.mark.parametrize("lanes", [1, 3, 8])
@pytest.mark.parametrize("make", GRAPHS)
def test_the_engine_computes_what_the_graph_does(make: Callable[[], Graph], lanes: int) -> None:
    graph = make()
    program = scheduled(graph, lanes)
    assert same(graph, program)
    assert engines.parse(engines.show(program)) == program


def test_random_graphs_are_the_same_or_refused_by_name() -> None:
    same_ones = 0
    for seed in range(200):
        rng = random.Random(seed)
        graph = random_graph(rng, nodes=3)
        live = replace(graph, outputs=graph.outputs[:1])
        try:
            memory = rng.choice([None, External()])
            program = scheduled(live, rng.choice([1, 2, 4, 8]), memory, rng.choice([0, 4, 30]))
        except (Unsupported, InvalidValue):
            continue
        assert same(live, program), seed
        same_ones += 1
    assert same_ones >= 60


@pytest.mark.parametrize("lanes", [1, 2, 3, 8])
def test_flattened_pixels_are_joined_in_their_order_or_refused(lanes: int) -> None:
    """They were joined channel by channel once: found by a hundred random programs in HLS C++."""
    builder = GraphBuilder()
    x = builder.input(TensorType((5, 2), Ints(-32), Ints(31), Steps.of(1)), "x")
    flat = builder.apply(g.Reshape((10,)), [x])
    twice = builder.apply(g.Concat(0), [flat, flat])
    assert same(builder.graph("twice", [twice]), scheduled(builder.graph("twice", [twice]), lanes))
    three = builder.apply(g.Dense(Ints(np.eye(10, 3, dtype=np.int64)), Ints(np.zeros(3, np.int64))), [flat],
                          step=Steps.of(1))  # fmt: skip
    fixed = builder.add(g.Constant(Ints([5, -3])), (), TensorType((2,), Ints([5, -3]), Ints([5, -3]), Steps.of(1)))
    with pytest.raises(Unsupported, match="one of its arguments is a constant"):
        scheduled(builder.graph("fixed", [builder.apply(g.Concat(0), [flat, fixed])]), lanes)
    with pytest.raises(Unsupported, match="lies in memory as"):
        scheduled(builder.graph("mixed", [builder.apply(g.Concat(0), [flat, three])]), lanes)


def test_groups_are_read_alone_where_words_allow_it() -> None:
    """Of 8 channels in 2 groups, or one by one, each block of 4 reads one word instead of two."""
    program = scheduled(grouped(), 4)
    gathered = [n.op.walk.loops[5].extent for n in program.nodes if isinstance(n.op, Matrix)]
    assert gathered == [1, 1, 1, 2]


def test_groups_are_read_alone_with_weights_outside_too() -> None:
    """Of layers in two groups of 12 channels, on words of 12, every block reads one word; nothing is reshuffled."""
    program = scheduled(alexnet(), 12, External(), 40)
    computing = [n for n in program.nodes if isinstance(n.op, Matrix | Vector)]
    read = {n.name: n.op.walk.loops[5].extent for n in computing}
    assert {name: read[name] for name in ("map_2", "map_5")} == {"map_2": 1, "map_5": 1}
    assert not any(n.name.endswith(("packed", "words", "copy")) for n in computing)


def test_memory_is_given_again_when_nobody_reads_it_any_more() -> None:
    program = scheduled(residual(), 8)
    kept = sum(node.type.words for node in program.nodes[:-2])
    assert program.machine.features < kept


def test_more_lanes_take_fewer_cycles() -> None:
    slow, fast = (engines.cycles(scheduled(perceptron(), lanes)).initiation_cycles for lanes in (2, 8))
    assert fast < slow / 4


def test_writing_over_what_is_still_read_is_found() -> None:
    program = scheduled(residual(), 8)
    nodes = list(program.nodes)
    nodes[1] = replace(nodes[1], type=replace(nodes[1].type, address=0))
    with pytest.raises(InvalidProgram, match="writes over x"):
        engines.check(replace(program, nodes=tuple(nodes)))


def test_a_map_that_is_not_affine_is_refused_with_the_layer() -> None:
    builder = GraphBuilder()
    x = builder.input(TensorType((4,), Ints(-2), Ints(1), Steps.of(1)), "x")
    table = Table(Ints([-2]), Ints([[3, 0, 0, 5]]))
    y = builder.apply(g.Map(table, Ints(0)), [x], step=Steps.of(1), name="square")
    with pytest.raises(Unsupported, match=r"layer 'square'.*affine(.|\n)*dataflow"):
        ScheduleEngine(XCVU9P, None, 4)(builder.graph("odd", [y]))


def test_what_all_weights_of_a_layer_share_is_multiplied_behind_the_sum() -> None:
    """Bits read as -1 and 1 double the weights of the layer that reads them."""
    machine = scheduled(perceptron(), 4).machine
    assert (machine.weight, machine.mul.high) == (Word(-1, 1), 2)


@pytest.mark.parametrize(("make", "buffer"), [(residual, 40), (grouped, 40), (uneven, 40), (branched, 60)])
def test_weights_come_in_parts_while_the_part_before_computes(make: Callable[[], Graph], buffer: int) -> None:
    graph = make()
    program = scheduled(graph, 3, External(), buffer)
    assert same(graph, program)
    fetches = [n for n in program.nodes[program.again :] if isinstance(n.op, Fetch)]
    assert len(fetches) % 2 == 0
    assert max(n.type.words for n in fetches) <= buffer
    resident = program.nodes[0].type.words
    assert program.machine.buffered <= resident + 2 * buffer
    parts = {p for p, n in enumerate(program.nodes) if isinstance(n.op, Matrix) and n.op.weights >= resident}
    assert len(parts) == len(fetches)
    # When a part begins, the next part's weights may still be under way, and nothing else.
    assert {engines.ahead(program)[p] for p in parts} == {1}


def test_what_two_buffers_hold_is_fetched_once() -> None:
    program = scheduled(residual(), 8, External(), 40)
    assert [isinstance(n.op, Fetch) for n in program.nodes] == [True] + [False] * (len(program) - 1)
    assert program.again == 1


def test_a_buffer_too_small_for_a_block_is_refused_with_the_layer() -> None:
    with pytest.raises(InvalidValue, match=r"layer 'map_2'(.|\n)*give buffers of 72 words"):
        scheduled(residual(), 1, External(), 40)


def test_monotone_maps_that_no_slope_fits_count_thresholds() -> None:
    program = scheduled(uneven(), 3)
    stepped = [n.op.stepped for n in program.nodes if isinstance(n.op, Matrix | Vector)]
    assert True in stepped
    assert False in stepped
    assert program.machine.steps == 8
    assert program.parameters.shape[2] == 4 + 8


def test_channels_side_by_side_are_copied_word_by_word_where_words_allow_it() -> None:
    program = scheduled(branched(), 8)
    joined = [n for n in program.nodes if n.name.startswith("joined")]
    assert len(joined) == 2
    assert sum(n.op.walk.steps for n in joined if isinstance(n.op, Matrix)) == joined[0].type.words * 2


def test_functions_that_differ_from_pixel_to_pixel_have_parameters_of_their_own() -> None:
    program = scheduled(constants(), 8)
    assert any(n.op.each for n in program.nodes if isinstance(n.op, Matrix))


def test_channels_that_change_places_with_rows_are_refused() -> None:
    builder = GraphBuilder()
    x = builder.input(TensorType((3, 4, 5), Ints(-2), Ints(1), Steps.of(1)), "x")
    with pytest.raises(Unsupported, match=r"layer 'turn'.*only rows and columns"):
        scheduled(builder.graph("turned", [builder.apply(g.Transpose((2, 1, 0)), [x], name="turn")]), 4)


def test_upsampling_costs_a_step_a_word_of_the_result() -> None:
    program = scheduled(moved(), 8)
    steps = [n.op.walk.steps for n in program.nodes if n.name.startswith("up") and isinstance(n.op, Matrix)]
    assert steps == [12] * 4


@pytest.mark.parametrize(
    ("make", "lanes", "words"), [(residual, 3, 170), (residual, 8, 104), (grouped, 3, 204), (uneven, 8, 42)]
)
def test_maps_that_do_not_fit_go_out_and_come_back_row_by_row(
    make: Callable[[], Graph], lanes: int, words: int
) -> None:
    graph = make()
    program = scheduled(graph, lanes, External(32, 4), 60, words)
    assert same(graph, program)
    assert engines.parse(engines.show(program)) == program
    assert program.machine.features <= words < scheduled(graph, lanes).machine.features
    sent = [n for n in program.nodes if isinstance(n.op, Send)]
    brought = [n for n in program.nodes if isinstance(n.op, Bring)]
    # Every window is read again for each part of the weights, and rows that windows share for each of them.
    assert 0 < sum(n.type.words for n in sent) <= sum(n.type.words for n in brought)


def test_rows_that_nobody_sent_are_found() -> None:
    program = scheduled(residual(), 8, External(32, 4), 60, 104)
    nodes = list(program.nodes)
    at = next(p for p, n in enumerate(nodes) if isinstance(n.op, Send))
    nodes[at] = replace(nodes[at], op=Send(10_000))
    with pytest.raises(InvalidProgram, match="nobody has sent burst"):
        engines.check(replace(program, nodes=tuple(nodes)))


def test_a_feature_memory_that_is_too_small_is_refused_with_what_it_takes() -> None:
    with pytest.raises(Unsupported, match=r"30 words of feature memory.*32 are needed"):
        scheduled(residual(), 8, External(), 0, 30)


def test_parameters_that_are_there_already_are_not_laid_down_again() -> None:
    """Rows of a map in instructions of their own share the numbers of their channels."""
    inside, outside = scheduled(residual(), 8), scheduled(residual(), 8, External(), 0, 104)
    assert len(outside) > len(inside) + 10
    assert outside.parameters.shape[0] <= inside.parameters.shape[0]
