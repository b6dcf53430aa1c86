"""Carries are waited for once; wires are seen through."""

from __future__ import annotations

import random

import pytest
from tests.generate import random_netlist, random_vectors

from bitwright.cost import delay_ns
from bitwright.cost.predict import critical_ns
from bitwright.cost.timing import timing_of
from bitwright.ir.netlist import Netlist, NetlistBuilder, Port, Word, trace
from bitwright.numeric import IntArray, Steps
from bitwright.platforms import device, devices

ONE = Steps.of(1)
PART = device("xcvu9p")


def chain(count: int, clip: bool = False) -> Netlist:
    """A sum of `count` adders in a row, cut at the end or not."""
    builder = NetlistBuilder()
    port = builder.input_port("x", (count + 1,), [Word(-128, 127)] * (count + 1), ONE)
    total = port.words[0]
    for word in port.words[1:]:
        total = builder.add(total, word)
    return builder.finish("chain", [port], [Port("y", (), (builder.clip(total, -8, 7) if clip else total,), ONE)])


def added(program: Netlist) -> float:
    """The delays of all words, one after the other."""
    types = [[program.nodes[a].type for a in node.args] for node in program]
    return sum(delay_ns(n.op, n.type, t, PART.fabric) for n, t in zip(program, types, strict=True))


def test_one_adder_takes_its_delay() -> None:
    assert critical_ns(chain(1), PART) - PART.fabric.register_ns == pytest.approx(added(chain(1)), abs=1e-5)


def test_a_row_of_adders_waits_for_one_carry() -> None:
    times = [critical_ns(chain(n), PART) for n in (2, 3, 4, 5)]
    step = times[1] - times[0]
    assert PART.fabric.lut_ns < step < added(chain(1))
    assert times[3] - times[0] == pytest.approx(3 * step, rel=0.2)
    assert times[3] < added(chain(5))


def test_what_is_no_adder_waits_for_the_last_carry() -> None:
    clip = critical_ns(chain(4, clip=True), PART) - critical_ns(chain(4), PART)
    plain = chain(4, clip=True)
    args = [plain.nodes[a].type for a in plain.nodes[-1].args]
    assert clip == pytest.approx(delay_ns(plain.nodes[-1].op, plain.nodes[-1].type, args, PART.fabric), abs=1e-5)


@pytest.mark.parametrize("name", devices())
def test_no_path_takes_longer_than_its_words_and_being_registered_never_hurts(name: str) -> None:
    fabric = device(name).fabric
    for seed in range(10):
        plain = random_netlist(random.Random(seed), stages=0, words=60)
        timing = timing_of(plain, fabric)
        assert (timing.arcs[:, 2] <= timing.arcs[:, 3]).all()
        assert (timing.arcs[:, 0] < timing.arcs[:, 1]).all()
        ends = [0.0] * len(plain)
        for place, node in enumerate(plain):
            types = [plain.nodes[a].type for a in node.args]
            ends[place] = delay_ns(node.op, node.type, types, fabric) + max((ends[a] for a in node.args), default=0.0)
        assert timing.worst() / 1e6 <= max(ends) * 1.001 + 1e-3


def test_a_word_is_the_bits_of_its_root_that_its_view_names() -> None:
    for seed in range(40):
        rng = random.Random(seed)
        plain = random_netlist(rng, stages=1, words=80)
        values = trace(plain, random_vectors(plain, rng, 20))
        for place, view in enumerate(timing_of(plain, PART.fabric).views):
            assert (values[place] == _seen(values[view.root], view.offset, view.low, view.high)).all()


def _seen(root: IntArray, offset: int, low: int, high: int | None) -> IntArray:
    field = root >> low if high is None else (root >> low) & ((1 << high - low) - 1)
    return field << low - offset
