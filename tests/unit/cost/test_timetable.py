"""Timetables of dataflow programs equal their literal simulation, cycle by cycle."""

from __future__ import annotations

import random
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from tests.generate_streams import random_dataflow
from tests.simulate_streams import agreed

from bitwright.core.errors import InvalidProgram
from bitwright.cost.timetable import largest_occupancy, timetable
from bitwright.ir.dataflow import Channel, Dataflow, DataflowBuilder, Edge, Stream, check, parse, schedule, show
from bitwright.ir.dataflow.ops import Apply, Interleave, Loop, Memory, Rearrange
from bitwright.ir.netlist import Netlist, NetlistBuilder, Port, Word
from bitwright.ir.netlist.ops import Register
from bitwright.numeric import Ints, Steps

WORD = Word(-8, 7)


def busiest(program: Dataflow) -> int:
    """Steps of the busiest process."""
    plans = [schedule(n.op, n.type, [a.type for a in program.args_of(n)])[0] for n in program.nodes]
    return max(process.steps for own in plans for process in own)


def with_random_depths(rng: random.Random, program: Dataflow) -> Dataflow:
    """Channels of any memory and memories of any depth, often too shallow."""
    nodes = list(program.nodes)
    for i, node in enumerate(nodes):
        if isinstance(node.op, Rearrange) and rng.random() < 0.7:
            words = program.nodes[node.args[0]].type.words
            nodes[i] = replace(node, op=replace(node.op, depth=rng.randint(1, 2 * words)))
    kinds = [Memory.LUT, Memory.LUT, Memory.BLOCK]
    channels = [Channel(e, rng.choice((1, 2, 3, 5, 8, 20, 90)), rng.choice(kinds)) for e in program.edges()]
    return check(replace(program, nodes=tuple(nodes), channels=tuple(channels)))


def tail(ports: dict[str, int], stages: int) -> Netlist:
    builder = NetlistBuilder()
    made = [builder.input_port(name, (lanes,), [WORD] * lanes, Steps.of(1)) for name, lanes in ports.items()]
    word = builder.clip(builder.sum([(p.words[0], 0, 1) for p in made]), WORD.low, WORD.high)
    for _ in range(stages):
        word = builder.word(Register(), word)
    return builder.finish("tail", made, [Port("y", (1,), (word,), Steps.of(1))])


def source(builder: DataflowBuilder, *shape: int) -> int:
    return builder.source(Stream(shape, 1, Ints(WORD.low), Ints(WORD.high), Steps.of(1)), "x")


def turned(depth: int) -> Dataflow:
    """A matrix plus its transpose: the straight way must hold what the other waits for."""
    builder = DataflowBuilder()
    x = source(builder, 4, 4)
    loops = (Loop(4, 0, 1), Loop(4, 1))
    y = builder.apply(Rearrange((4, 4, 1), loops), [x], shape=(4, 4), name="turn")
    z = builder.apply(Apply(tail({"a": 1, "b": 1}, 2)), [y, x], name="plus")
    program = builder.dataflow("turned", [z])
    depths = {Edge(0, 2, 1): depth}
    return replace(program, channels=tuple(Channel(e, depths.get(e, 9)) for e in program.edges()))


def test_random_programs_are_valid_and_read_back_from_their_text() -> None:
    for seed in range(60):
        program = random_dataflow(random.Random(seed))
        assert parse(show(check(program))) == program


def test_without_channels_the_first_frame_is_the_simulated_one_and_the_busiest_process_sets_the_pace() -> None:
    for seed in range(60):
        program = random_dataflow(random.Random(seed))
        found = agreed(program, 2)
        assert found is not None
        assert found.rate == found.initiation_cycles == busiest(program)
        told = next(a for a in found.actors if a.name == found.bottleneck)
        assert found.busy(told) == 1


def test_with_any_depths_every_frame_ends_in_the_simulated_cycle() -> None:
    stuck = 0
    for seed in range(60):
        rng = random.Random(seed)
        found = agreed(with_random_depths(rng, random_dataflow(rng)))
        stuck += found is None
    assert 5 < stuck < 45


@pytest.mark.long
def test_with_any_depths_every_frame_of_many_programs_ends_in_the_simulated_cycle() -> None:
    for seed in range(1000, 1400):
        rng = random.Random(seed)
        agreed(with_random_depths(rng, random_dataflow(rng, actors=rng.randint(2, 12))), 5)


def test_frames_come_at_the_rate_once_they_repeat() -> None:
    for seed in range(40):
        rng = random.Random(seed)
        program = with_random_depths(rng, random_dataflow(rng))
        try:
            found = timetable(program, 130)
        except InvalidProgram:
            continue
        for ends in found.ends:
            period = found.rate.denominator
            assert ends[120 + period] - ends[120] <= found.rate.numerator
        slowest = max(found.ends, key=lambda ends: ends[-1])
        assert slowest[120 + found.rate.denominator] - slowest[120] == found.rate.numerator


def test_a_chain_takes_the_cycles_of_its_stages() -> None:
    builder = DataflowBuilder()
    x = source(builder, 10)
    y = builder.apply(Apply(tail({"x": 1}, 3)), [x], name="square")
    found = timetable(builder.dataflow("chain", [y]))
    # A word a cycle; a cycle into the channel, 1 + 3 through the actor, one into the next channel.
    assert (found.latency_cycles, found.rate, found.ends) == (9 + 1 + 4 + 1, 10, ((15, 25, 35),))
    # A place is free again the cycle after: a word that stays for n cycles takes n + 1 places in a dense stream.
    assert found.channels == (2, 6)
    assert [(a.first_cycle, a.last_cycle) for a in found.actors] == [(0, 9), (1, 10)]


def test_two_words_at_once_cost_a_cycle_a_word_and_deeper_channels_none() -> None:
    builder = DataflowBuilder()
    x = source(builder, 10)
    program = builder.dataflow("wire", [x])
    (edge,) = program.edges()
    ends = [timetable(replace(program, channels=(Channel(edge, depth),))).ends[0][0] for depth in (1, 2, 3)]
    assert ends == [19, 10, 10]


def test_frames_whose_distance_is_no_whole_number_are_told_as_a_fraction() -> None:
    builder = DataflowBuilder()
    x = source(builder, 11)
    program = builder.dataflow("wire", [x])
    (edge,) = program.edges()
    found = agreed(replace(program, channels=(Channel(edge, 2, Memory.BLOCK),)))
    assert found is not None
    assert (found.rate, found.initiation_cycles) == (Fraction(33, 2), 17)


def test_a_deadlock_names_who_waits_for_whom() -> None:
    words = 12
    found = timetable(turned(words + 9))
    assert found.rate == 16
    with pytest.raises(InvalidProgram) as caught:
        timetable(turned(3))
    told = str(caught.value)
    assert "deadlock" in told
    assert "x waits for room in its channel of 3 words to plus" in told
    assert "plus waits for turn" in told
    assert "turn waits for words in its memory" in told


def test_occupancy_counts_words_from_their_step_until_the_cycle_after_they_left() -> None:
    taken, left = np.array([[0, 1, 2, 3]]), np.array([[2, 3, 4, 5]])
    assert largest_occupancy((taken, left), 1, 0) == 3
    assert largest_occupancy((taken, left + 10), 1, 0) == 4
    assert largest_occupancy((taken, left + 10), 1, 4) == 13


def test_memories_are_told_by_name() -> None:
    found = timetable(turned(30))
    assert list(found.memories) == ["turn"]
    assert 13 <= found.memories["turn"] <= 32


def test_turns_of_two_sources_wait_for_each_other() -> None:
    builder = DataflowBuilder()
    first, second = source(builder, 6), source(builder, 3)
    both = builder.apply(Interleave((2, 1)), [first, second])
    program = builder.dataflow("turns", [both])
    found = agreed(replace(program, channels=tuple(Channel(e, 3) for e in program.edges())))
    assert found is not None
    assert found.rate == 9
