"""Every arrow commutes with `run`: what a pass makes of a program computes the same codes."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pytest
from tests.generate_graphs import random_graph

from bitwright import passes
from bitwright.cost import predict
from bitwright.cost.predict import critical_ns
from bitwright.flow.difference import in_common
from bitwright.flow.vectors import corner_codes, random_codes
from bitwright.ir import graph as graphs
from bitwright.ir import netlist as netlists
from bitwright.ir.graph import Graph, GraphBuilder, TensorType
from bitwright.ir.graph.emulator import Emulator
from bitwright.ir.graph.ops import Map
from bitwright.ir.netlist import Netlist, latency_cycles
from bitwright.ir.netlist.ops import Register
from bitwright.numeric import IntArray, Ints, Rounding, ShiftRoundSaturate, Steps, Table, Thresholds
from bitwright.passes import (
    ARGMAX,
    Absorb,
    Accumulate,
    Canonical,
    Collapse,
    Compose,
    Contest,
    Merge,
    Prune,
    Reassociate,
    Retime,
    Share,
    Synthesize,
    Tabulate,
)
from bitwright.platforms import device

GRAPHS = 300
CLOCKS_MHZ = (None, 40, 150, 300, 600)


@dataclass(frozen=True)
class Case:
    """A random graph, codes for its inputs, and what it makes of them."""

    seed: int
    graph: Graph
    codes: list[IntArray]
    expected: list[IntArray]

    @cached_property
    def built(self) -> Graph:
        """What flow.compiling makes of the graph, made once for all tests."""
        return built(self.graph)


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    made: list[Case] = []
    for seed in range(GRAPHS):
        graph = graphs.check(random_graph(random.Random(seed), wide=seed % 5 == 4))
        drawn, corners = random_codes(graph, 40, seed), corner_codes(graph, seed, flips=12)
        codes = [np.concatenate(pair) for pair in zip(drawn, corners, strict=True)]
        made.append(Case(seed, graph, codes, graphs.run(graph, codes)))
    return made


def assert_same(case: Case, found: list[IntArray], what: str) -> None:
    for place, (a, b) in enumerate(zip(case.expected, found, strict=True)):
        assert a.shape == b.shape, f"seed {case.seed}, {what}, output {place}: {b.shape} for {a.shape}"
        assert (a == b).all(), f"seed {case.seed}, {what}, output {place}: {int((a != b).sum())} codes differ"


def built(graph: Graph) -> Graph:
    """What flow.compiling makes of a graph that was read."""
    return graphs.check(passes.apply(graphs.check(graph)))


def test_this_file_knows_every_pass() -> None:
    # Share answers for a matrix, inside Synthesize: see test_adder_graph.
    helpers = {"ARGMAX", "AdderGraph", "RECODING", "STANDARD", "Share", "apply", "unrolled"}
    known = {
        "Absorb", "Accumulate", "Canonical", "Collapse", "Compose", "Contest", "Merge", "Prune", "Reassociate",
        "Retime", "Synthesize", "Tabulate",
    }  # fmt: skip
    assert set(passes.__all__) - helpers == known


GRAPH_PASSES: dict[str, Callable[[Graph], Graph]] = {
    "absorb": Absorb(),
    "absorb maps that were tabulated": lambda graph: Absorb()(Tabulate()(graph)),
    "canonical": Canonical(),
    "compose": Compose(),
    "prune": Prune(),
    "tabulate": Tabulate(),
    "tabulate wherever it can": Tabulate(most_levels=0),
    "canonical twice": lambda graph: Canonical()(Canonical()(graph)),
    "as compiled": built,
}


@pytest.mark.parametrize("name", sorted(GRAPH_PASSES))
def test_graph_passes_commute_with_run(name: str, cases: list[Case]) -> None:
    for case in cases:
        after = graphs.check(GRAPH_PASSES[name](case.graph))
        assert [(n.name, n.type) for n in after.inputs] == [(n.name, n.type) for n in case.graph.inputs]
        assert [n.type.step for n in after.results] == [n.type.step for n in case.graph.results]
        assert_same(case, graphs.run(after, case.codes), name)


@pytest.mark.parametrize("chosen", [(Contest(),), ARGMAX], ids=["contest", "as compiled for the argmax"])
def test_contest_keeps_the_argmax_and_outputs_that_are_no_scores(
    chosen: tuple[Callable[[Graph], Graph], ...], cases: list[Case]
) -> None:
    changed = 0
    for case in cases:
        after = graphs.check(passes.apply(case.graph, chosen))
        found = graphs.run(after, case.codes)
        pairs = list(zip(*in_common(after, case.expected, found), strict=True))
        assert all((a == b).all() for a, b in pairs), f"seed {case.seed}"
        changed += any("contest" in node.origin.passes for node in after.results)
    assert changed > 20


def test_canonical_is_done_after_one_call_and_leaves_nothing_dead(cases: list[Case]) -> None:
    for case in cases:
        once = Canonical()(case.graph)
        assert Canonical()(once) == once, f"seed {case.seed}"
        dead = [n.name for n, alive in zip(once.nodes, once.live(), strict=True) if not alive]
        assert set(dead) <= {n.name for n in once.inputs}, f"seed {case.seed}"


def test_synthesis_commutes_with_run_on_the_graph_as_read(cases: list[Case]) -> None:
    for case in cases:
        after = netlists.check(Synthesize()(case.graph))
        assert_same(case, netlists.run(after, case.codes), "synthesize")


def test_synthesis_and_retiming_at_any_clock_commute_with_run_on_the_built_graph(cases: list[Case]) -> None:
    part = device("xcvu9p")
    for case in cases:
        plain = netlists.check(Synthesize()(case.built))
        assert_same(case, netlists.run(plain, case.codes), "synthesize")
        cycles: list[int] = []
        for clock in CLOCKS_MHZ:
            after = netlists.check(Retime(part, clock)(plain))
            assert_same(case, netlists.run(after, case.codes), f"retime at {clock} MHz")
            assert_outputs_are_registered(after)
            cycles.append(latency_cycles(after))
        assert cycles == sorted(cycles), f"seed {case.seed}: a faster clock takes fewer cycles, {cycles}"


def test_merged_and_collapsed_netlists_commute_with_run_and_take_no_more_lookup_tables(cases: list[Case]) -> None:
    part, merged, collapsed = device("xcvu9p"), 0, 0
    for case in cases[::2]:
        plain = Synthesize(Share(operands=3, rounds=1), fabric=part.fabric)(case.built)
        fewer = netlists.check(Merge(part.fabric)(plain))
        tabled = netlists.check(Collapse(part.fabric)(fewer))
        rows = netlists.check(Accumulate(part.fabric)(tabled))
        for program, name in ((fewer, "merge"), (tabled, "collapse"), (rows, "accumulate")):
            assert_same(case, netlists.run(program, case.codes), name)
        luts = [predict(program, part).luts for program in (plain, fewer, tabled, rows)]
        assert luts[3] <= luts[2] <= luts[1] + 1 <= luts[0] + 2, f"seed {case.seed}: {luts}"
        merged += len(fewer) < len(plain)
        collapsed += luts[2] < luts[1]
        assert_same(case, netlists.run(netlists.check(Retime(part, 400)(tabled)), case.codes), "retime")
    assert min(merged, collapsed) > 20


def test_sums_regrouped_by_arrival_commute_with_run_and_end_no_later(cases: list[Case]) -> None:
    part, sooner = device("lfe5u-25"), 0
    for case in cases[1::2]:
        plain = Synthesize(fabric=part.fabric)(case.built)
        after = netlists.check(Reassociate(part.fabric)(plain))
        assert_same(case, netlists.run(after, case.codes), "reassociate")
        slow, fast = (critical_ns(program, part) for program in (plain, after))
        assert fast <= slow, f"seed {case.seed}: {slow} ns became {fast}"
        sooner += fast < 0.99 * slow
    assert sooner > 20


def assert_outputs_are_registered(program: Netlist) -> None:
    for place, node in enumerate(program.nodes):
        if place in program.outputs and netlists.stages(program)[place] >= 0:
            shifted = node if isinstance(node.op, Register) else program.nodes[node.args[0]]
            assert isinstance(shifted.op, Register)


def test_ranges_are_never_left_and_words_never_either(cases: list[Case]) -> None:
    for case in cases:
        for node, values in zip(case.graph.nodes, graphs.trace(case.graph, case.codes), strict=True):
            low, high = node.type.bounds()
            assert ((values >= low) & (values <= high)).all(), f"seed {case.seed}, {node.name}"
        plain = Synthesize()(case.built)
        for word, values in zip(plain.nodes, netlists.trace(plain, case.codes), strict=True):
            assert word.type.low <= values.min(), f"seed {case.seed}, {word.name}"
            assert values.max() <= word.type.high, f"seed {case.seed}, {word.name}"


def test_the_emulator_equals_run_on_codes_and_on_floats_of_codes(cases: list[Case]) -> None:
    for case in cases:
        for graph in (case.graph, case.built):
            emulator = Emulator(graph, threads=1)
            assert_same(case, emulator(case.codes), "emulator")
            assert_same(case, emulator([c.astype(np.float32) for c in case.codes]), "emulator on floats")


def test_the_emulator_cuts_long_batches_into_chunks_for_threads(cases: list[Case]) -> None:
    for case in cases[:4]:
        long = [np.tile(c, (160, *[1] * (c.ndim - 1))) for c in case.codes]
        found = Emulator(case.graph, threads=2)(long)
        assert_same(Case(case.seed, case.graph, long, graphs.run(case.graph, long)), found, "emulator")
        assert_same(case, [f[: len(e)] for f, e in zip(found, case.expected, strict=True)], "emulator, first chunk")


def test_an_empty_batch_gives_empty_outputs(cases: list[Case]) -> None:
    for case in cases[:40]:
        none = [c[:0] for c in case.codes]
        emulator, plain = Emulator(case.graph), Synthesize()(case.graph)
        for found in (graphs.run(case.graph, none), emulator(none), netlists.run(plain, none)):
            assert [f.shape for f in found] == [(0, *e.shape[1:]) for e in case.expected], f"seed {case.seed}"


# Tabulate, map by map: exact on every code of the range, whatever the staircase.


def staircases(rng: np.random.Generator) -> tuple[int, int, IntArray]:
    """A range of codes and a monotone function on it: what quantizers, slopes and activations look like."""
    low = int(rng.integers(-600, 200))
    high = low + int(rng.integers(0, 900))
    x = np.arange(low, high + 1)
    shift, add, bound = int(rng.integers(0, 7)), int(rng.integers(-100, 100)), int(rng.integers(1, 40))
    mul = int(rng.choice([1, 1, 1, 3, 5, 7, 11, 85, 171]))
    mode = rng.choice(np.array(list(Rounding), dtype=object))
    kind = rng.integers(5)
    if kind <= 1:
        y = mode(x * (mul if kind else 1) + add, shift)
    elif kind == 2:
        y = np.rint(bound * np.tanh((x + add) / (20 * (1 + shift)))).astype(np.int64)
    elif kind == 3:
        y = np.cumsum(rng.random(len(x)) < 0.1)
    else:
        y = np.cumsum((rng.random(len(x)) < 0.05) * rng.integers(0, 4, len(x)))
    y = np.clip(y, rng.choice([-bound, 0, -(1 << 40)]), rng.choice([bound, 1 << 40]))
    return low, high, y * rng.choice([1, 1, -1])


def as_thresholds(low: int, y: IntArray) -> Thresholds:
    changes = np.flatnonzero(np.diff(y)) + 1
    return Thresholds(Ints((low + changes)[None]), Ints(np.concatenate((y[:1], y[changes]))[None]))


def test_tabulate_is_exact_on_every_code_of_random_staircases() -> None:
    rng = np.random.default_rng(11)
    chosen = {kind.__name__: 0 for kind in (ShiftRoundSaturate, Thresholds, Table)}
    modes: set[Rounding] = set()
    for _ in range(1500):
        low, high, y = staircases(rng)
        x = np.arange(low, high + 1)
        forms = (as_thresholds(low, y), Table(Ints([low]), Ints(y[None])))
        for form in forms[: 1 + int(rng.integers(2))]:
            chooser = Tabulate(most_levels=int(rng.choice([0, 3])))
            found = chooser.choose(Map(form, Ints(0)), np.array(low), np.array(high))
            assert (found.form(x, found.rows.array) == y).all(), (low, high, y, found)
            chosen[type(found.form).__name__] += 1
            if isinstance(found.form, ShiftRoundSaturate):
                modes.add(found.form.rounding)
    assert min(chosen.values()) > 50
    assert modes == {Rounding.FLOOR, Rounding.HALF_EVEN}


PLAIN = (Rounding.HALF_EVEN, Rounding.HALF_UP, Rounding.FLOOR, Rounding.HALF_DOWN, Rounding.CEIL)


@pytest.mark.parametrize("mode", PLAIN)
@pytest.mark.parametrize("sign", [1, -1])
def test_plain_rounding_is_always_found_as_one_shift(mode: Rounding, sign: int) -> None:
    x = np.arange(-300, 400)
    for shift in (1, 2, 3, 5):
        for add in (-7, 0, 1, 12):
            y = sign * np.clip(mode(x + add, shift), -9, 12)
            found = Tabulate(most_levels=0).choose(Map(as_thresholds(-300, y), Ints(0)), np.array(-300), np.array(399))
            assert isinstance(found.form, ShiftRoundSaturate), (mode, shift, add)
            assert (found.form(x, np.array(0)) == y).all()
            assert abs(int(found.form.mul.array[0])) == 1


def test_tabulate_is_exact_on_ranges_far_wider_than_the_steps() -> None:
    rng = np.random.default_rng(12)
    for _ in range(300):
        low, high, y = staircases(rng)
        form = as_thresholds(low, y)
        wide = 1 << int(rng.integers(12, 59))
        ends = -int(rng.integers(1, wide)), int(rng.integers(1000, wide + 1000))
        op = Map(form, Ints(0))
        found = Tabulate(most_levels=0).choose(op, np.array(min(ends[0], low)), np.array(max(ends[1], high)))
        steps = form.thresholds.array[0]
        x = np.unique(np.concatenate([steps - 1, steps, steps + 1, [*ends, 0], rng.integers(*ends, 50)]))
        assert (found.form(x, np.array(0)) == form(x, np.array(0))).all(), (ends, found)
        found.form.image(np.array(ends[0]), np.array(ends[1]), np.array(0))  # refuses what could leave int64


def test_tabulate_is_exact_where_steps_lie_far_apart() -> None:
    rng = np.random.default_rng(13)
    for _ in range(200):
        shift = int(rng.integers(10, 50))
        levels = np.arange(-3, int(rng.integers(-2, 9)))
        jitter = rng.integers(0, 1 + (1 << max(shift - int(rng.integers(2, 20)), 0)), len(levels))
        tie = levels & 1 if rng.random() < 0.5 else 0
        steps = np.sort((levels << shift) + (jitter if rng.random() < 0.5 else 0) + tie)
        form = Thresholds(Ints(steps[None]), Ints(np.arange(len(steps) + 1)[None] - 3))
        low, high = int(steps[0]) - 5, int(steps[-1]) + 5
        found = Tabulate(most_levels=0).choose(Map(form, Ints(0)), np.array(low), np.array(high))
        x = np.concatenate([steps - 1, steps, steps + 1, [low, high]])
        assert (found.form(x, np.array(0)) == form(x, np.array(0))).all()


def test_rows_of_many_axes_are_fitted_over_their_own_ranges() -> None:
    rng = np.random.default_rng(14)
    for _ in range(60):
        count, shape = int(rng.integers(1, 4)), (2, 3, 2)
        x = np.arange(-200, 201)
        forms = [np.clip(Rounding.HALF_EVEN(x + int(rng.integers(-9, 9)), 3), -4, 5) for _ in range(count)]
        table = Table(Ints([-200] * count), Ints(np.stack(forms)))
        rows = Ints(rng.integers(0, count, shape))
        low = rng.integers(-200, 0, shape)
        high = low + rng.integers(0, 200, shape)
        builder = GraphBuilder()
        start = builder.input(TensorType(shape, Ints(low), Ints(high), Steps.of(1)), "x")
        graph = builder.graph("rows", [builder.apply(Map(table, rows), [start], step=Steps.of(1))])
        after = built(graph)
        codes = random_codes(graph, 60, 1)
        assert (graphs.run(after, codes)[0] == graphs.run(graph, codes)[0]).all()
        plain = netlists.check(Synthesize()(after))
        assert (netlists.run(plain, codes)[0] == graphs.run(graph, codes)[0]).all()
