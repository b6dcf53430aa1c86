"""Engines with external memory: what is fetched when, what waits, and how long."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from tests.engine_graphs import residual

from bitwright.core.errors import InvalidProgram, InvalidValue
from bitwright.ir import engine as engines
from bitwright.ir.engine import Engine, External, Place, Region
from bitwright.ir.engine.external import Bus
from bitwright.ir.engine.ops import Fetch, Matrix
from bitwright.ir.netlist import Word
from bitwright.passes.engine import ScheduleEngine
from bitwright.platforms import device

XCVU9P = device("xcvu9p")
QUICK = External(1024, 2, 8, latency_cycles=1)


def scheduled(external: External | None, buffer: int = 40, lanes: int = 4) -> Engine:
    return engines.check(ScheduleEngine(XCVU9P, None, lanes, external, buffer)(residual()))


def test_a_quick_memory_costs_three_cycles_a_fetch_and_a_drain_a_part() -> None:
    inside, outside = scheduled(None), scheduled(QUICK)
    body = outside.nodes[outside.again :]
    fetches = sum(isinstance(n.op, Fetch) for n in body)
    parts = len(body) - fetches - len(inside)
    told = engines.cycles(outside).initiation_cycles - engines.cycles(inside).initiation_cycles
    assert fetches > 3
    assert told == 3 * fetches + parts * outside.machine.overhead_cycles


@pytest.mark.parametrize("pace", [4, 16, 200])
def test_frames_are_never_closer_than_their_weights_take(pace: int) -> None:
    program = scheduled(External(64, beat_cycles=pace))
    body = program.nodes[program.again :]
    beats = program.machine.beats * sum(n.type.words for n in body if isinstance(n.op, Fetch))
    told = engines.cycles(program).initiation_cycles
    assert told >= beats * pace
    if pace == 200:  # nothing else counts any more
        assert told <= 1.05 * beats * pace


def test_latency_is_hidden_behind_other_bursts() -> None:
    bus = Bus(External(64, 16, 8, latency_cycles=100))
    bus.fetch(0, 4 * 16)
    assert bus.done(0) == 1 + 100 + 64 - 1 + 2
    bus.fetch(10, 16)  # its address goes out while the others come in
    assert bus.done(0) == 1 + 100 + 80 - 1 + 2


def test_few_bursts_at_once_show_the_latency_again() -> None:
    one, many = (Bus(External(64, 16, n, latency_cycles=100)) for n in (2, 16))
    one.fetch(0, 512)
    many.fetch(0, 512)
    assert one.done(0) > 2 * many.done(0)


def test_every_run_begins_with_a_burst_of_its_own() -> None:
    program = scheduled(External(64))
    places = sorted(engines.addresses(program).values())
    external = program.machine.external
    assert external is not None
    assert all(address % external.burst_bytes == 0 for address, _ in places)
    assert all(a + beats * 8 <= b for (a, beats), (b, _) in pairwise(places))


def test_weights_that_were_not_fetched_are_found() -> None:
    program = scheduled(QUICK)
    nodes = list(program.nodes)
    number = max(n for n, node in enumerate(nodes) if isinstance(node.op, Fetch))
    nodes[number] = replace(nodes[number], op=Fetch(0))
    with pytest.raises(InvalidProgram, match="its weights are not fetched, or others in the next frame"):
        engines.check(replace(program, nodes=tuple(nodes)))
    with pytest.raises(InvalidProgram, match="no external memory"):
        engines.check(replace(program, machine=replace(program.machine, external=None)))


def test_a_buffer_that_nothing_came_into_is_found() -> None:
    program = scheduled(QUICK)
    nodes = list(program.nodes)
    nodes[1] = replace(nodes[2], name="twice")
    with pytest.raises(InvalidProgram, match="not fetched, or others"):
        engines.check(replace(program, nodes=tuple(nodes)))


def test_what_reads_a_buffer_waits_for_its_fetch_alone() -> None:
    program = scheduled(QUICK)
    waits = engines.ahead(program)
    assert all(waits[p] is not None for p, n in enumerate(program.nodes) if isinstance(n.op, Matrix))
    assert all(waits[p] is None for p, n in enumerate(program.nodes) if not isinstance(n.op, Matrix))


def test_regions_with_gaps_meet_only_where_they_share_a_word() -> None:
    def region(address: int, columns: int = 3, pixel: int = 4) -> Region:
        return Region(Place.FEATURES, address, (2, columns, 4), 2, Word(0, 1), pixel)

    even, odd = region(0), region(2)
    assert not even.meets(odd)
    assert even.meets(region(1))
    assert even.meets(region(20))
    assert not even.meets(region(22))
    assert np.array_equal(even.places()[:4], [0, 1, 4, 5])
    turned = Region(Place.FEATURES, 0, (2, 3, 1), 1, Word(0, 1), 2, 1)
    assert turned.places().tolist() == [0, 2, 4, 1, 3, 5]


@pytest.mark.parametrize(
    ("told", "why"),
    [({"data_bits": 48}, "powers of two"), ({"burst_beats": 512}, "256 beats"), ({"latency_cycles": 0}, "a cycle"),
     ({"data_bits": 1024, "burst_beats": 64}, "4096 bytes"), ({"outstanding": 1}, "powers of two")],
)  # fmt: skip
def test_memories_that_axi_does_not_know_are_refused(told: dict[str, int], why: str) -> None:
    with pytest.raises(InvalidValue, match=why):
        External(**told)
