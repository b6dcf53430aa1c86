"""Two maps as one: the same function of every code, and only where one form is cheap."""

from __future__ import annotations

import random

import numpy as np
from tests.generate_graphs import map_forms

from bitwright.ir.graph import Graph, GraphBuilder, TensorType, check, ops, run
from bitwright.numeric import Ints, Rounding, ShiftRoundSaturate, Steps, Table
from bitwright.passes import Compose

ONE = Steps.of(1)


def pair(first: ops.Map, second: ops.Map, low: int, high: int, *, read_twice: bool = False) -> Graph:
    builder = GraphBuilder()
    x = builder.input(TensorType((3,), Ints(low), Ints(high), ONE), "x")
    y = builder.apply(first, [x], step=ONE, name="first")
    return builder.graph("net", [builder.apply(second, [y], step=ONE, name="second"), *([y] if read_twice else [])])


def saturating(shift: int, low: int, high: int, mode: Rounding = Rounding.FLOOR, mul: int = 1) -> ops.Map:
    ends = Ints([low]), Ints([high])
    return ops.Map(ShiftRoundSaturate(Ints([mul]), Ints([0]), Ints([shift]), mode, *ends), Ints(0))


def maps(graph: Graph) -> int:
    return sum(isinstance(node.op, ops.Map) for node in graph.nodes)


def test_two_maps_of_any_form_give_the_same_codes_as_one() -> None:
    rng, joined = random.Random(0), 0
    for seed in range(300):
        low = rng.randint(-60, 0)
        high = low + rng.choice([10, 60, 200])
        forms = map_forms(rng, low, high, 2)
        first = ops.Map(rng.choice(forms), Ints([rng.randrange(2) for _ in range(3)]))
        between = pair(first, saturating(0, -99, 99), low, high).nodes[1].type
        ends = int(between.low.array.min()), int(between.high.array.max())
        second = ops.Map(rng.choice(map_forms(rng, *ends, 2)), Ints([rng.randrange(2) for _ in range(3)]))
        graph = check(pair(first, second, low, high))
        found = check(Compose()(graph))
        x = np.arange(low, high + 1)[:, None] * np.ones(3, dtype=np.int64)
        assert (run(found, [x])[0] == run(graph, [x])[0]).all(), seed
        joined += maps(found) < maps(graph)
    assert joined > 100


def test_shifts_and_clips_join_into_one_shift() -> None:
    graph = pair(saturating(2, -100, 100), saturating(3, 0, 15), -5000, 5000)
    (only,) = [n.op for n in Compose()(graph).nodes if isinstance(n.op, ops.Map)]
    assert only.form == ShiftRoundSaturate(
        Ints([1]), Ints([0]), Ints([5]), Rounding.FLOOR, Ints([0]), Ints([12])
    )


def test_three_maps_join_too() -> None:
    graph = pair(saturating(1, -999, 999), saturating(1, -99, 99), -500, 500)
    builder = GraphBuilder()
    nodes = {}
    for place, node in enumerate(graph.nodes):
        nodes[place] = builder.add(node.op, [nodes[a] for a in node.args], node.type, node.name)
    last = builder.apply(saturating(2, 0, 7), [nodes[2]], step=ONE)
    assert maps(Compose()(builder.graph("net", [last]))) == 1


def test_a_table_behind_a_saturation_stays_a_small_table() -> None:
    bent = ops.Map(Table(Ints([0]), Ints([[3, 1, 4, 1, 5, 9, 2, 6]])), Ints(0))
    wide = pair(saturating(6, 0, 7), bent, -2000, 2000)
    assert maps(Compose()(wide)) == 2
    narrow = pair(saturating(2, 0, 7), bent, 0, 60)
    assert maps(Compose()(narrow)) == 1


def test_a_map_that_something_else_reads_stays() -> None:
    graph = pair(saturating(2, -100, 100), saturating(3, 0, 15), -500, 500, read_twice=True)
    assert maps(Compose()(graph)) == 2


def test_ranges_too_wide_to_walk_stay_two_maps() -> None:
    graph = pair(saturating(2, -100, 100), saturating(3, 0, 15), -(1 << 30), 1 << 30)
    assert Compose()(graph) == graph
