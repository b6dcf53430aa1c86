"""Buffered programs lose no cycle, and no channel or memory can be a word shallower without losing one."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from tests.generate_streams import random_dataflow
from tests.simulate_streams import agreed

from bitwright.core.errors import InvalidProgram
from bitwright.cost.timetable import timetable
from bitwright.ir.dataflow import Dataflow, check, parse, run, show
from bitwright.ir.dataflow.ops import Memory, Rearrange
from bitwright.passes.buffer import Buffer


def shallower(program: Dataflow) -> Iterator[Dataflow]:
    """`program` with each channel and each memory in turn a word shallower."""
    for i, channel in enumerate(program.channels):
        if channel.depth > 1:
            others = list(program.channels)
            others[i] = replace(channel, depth=channel.depth - 1)
            yield replace(program, channels=tuple(others))
    for i, node in enumerate(program.nodes):
        if isinstance(node.op, Rearrange) and node.op.depth > 1:
            nodes = list(program.nodes)
            nodes[i] = replace(node, op=replace(node.op, depth=node.op.depth - 1))
            yield replace(program, nodes=tuple(nodes))


def deeper(program: Dataflow) -> Dataflow:
    """`program` with the same kinds of memory, and more of it than can be used."""
    channels = tuple(replace(c, depth=100_000) for c in program.channels)
    ops = [replace(n.op, depth=100_000) if isinstance(n.op, Rearrange) else n.op for n in program.nodes]
    nodes = tuple(replace(n, op=op) for n, op in zip(program.nodes, ops, strict=True))
    return replace(program, nodes=nodes, channels=channels)


def what_is_lost(seed: int) -> Counter[str]:
    """Buffers a random program, and counts what each shallower channel costs; fails where it costs nothing."""
    rng = random.Random(seed)
    program = random_dataflow(rng, actors=rng.randint(3, 8))
    buffered = check(Buffer(block_bits=rng.choice((24, 100, 9216)))(program))
    best, found = timetable(deeper(buffered)), agreed(buffered)
    assert found is not None
    assert (found.rate, found.latency_cycles) == (best.rate, best.latency_cycles)
    assert found.rate == timetable(program).rate
    assert all(words <= c.depth for words, c in zip(found.channels, buffered.channels, strict=True))
    lost = Counter[str]()
    for other in shallower(buffered):
        worse = agreed(other)
        if worse is None:
            lost["deadlock"] += 1
        elif worse.rate > found.rate:
            lost["initiation"] += 1
        else:
            assert worse.latency_cycles > found.latency_cycles, f"seed {seed}"
            lost["latency"] += 1
    return lost


def test_no_depth_can_be_a_word_less_and_none_more_would_help() -> None:
    lost = sum((what_is_lost(seed) for seed in range(30)), Counter[str]())
    assert min(lost[kind] for kind in ("deadlock", "initiation", "latency")) > 5


@pytest.mark.long
def test_no_depth_of_many_programs_can_be_a_word_less() -> None:
    lost = sum((what_is_lost(seed) for seed in range(1000, 1250)), Counter[str]())
    assert lost.total() > 1000


def test_buffers_change_no_code_and_read_back_from_their_text() -> None:
    for seed in range(20):
        program = random_dataflow(random.Random(seed))
        buffered = Buffer()(program)
        codes = [np.random.default_rng(seed).integers(-8, 8, (3, *node.type.shape)) for node in program.inputs]
        for before, after in zip(run(program, codes), run(buffered, codes), strict=True):
            assert np.array_equal(before, after)
        assert parse(show(buffered)) == buffered


def test_the_depths_depend_on_the_program_alone() -> None:
    for seed in range(10):
        program = random_dataflow(random.Random(seed))
        assert Buffer()(program) == Buffer()(Buffer()(program))


def test_deep_channels_are_block_memory_and_told_so() -> None:
    kinds = Counter[Memory]()
    for seed in range(20):
        buffered = Buffer(block_bits=40)(random_dataflow(random.Random(seed)))
        kinds.update(c.memory for c in buffered.channels)
        assert all(c.memory is Memory.LUT for c in Buffer(block_bits=1 << 20)(buffered).channels)
    assert min(kinds[Memory.LUT], kinds[Memory.BLOCK]) > 5


def test_a_program_without_outputs_is_refused() -> None:
    program = random_dataflow(random.Random(0))
    with pytest.raises(InvalidProgram, match="no outputs"):
        Buffer()(replace(program, outputs=()))
