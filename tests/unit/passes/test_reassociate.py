"""Sums regrouped by arrival: the same values, never later, the last term through one adder."""

from __future__ import annotations

import random

import numpy as np
from tests.generate import random_netlist, random_vectors

from bitwright.core.origin import Origin
from bitwright.cost import predict
from bitwright.cost.timing import timing_of
from bitwright.ir.netlist import Netlist, NetlistBuilder, Port, Word, check, run
from bitwright.ir.netlist.ops import Add, Clip, Register, Subtract
from bitwright.numeric import Steps
from bitwright.passes import Reassociate
from bitwright.passes.reassociate import earliest_end
from bitwright.platforms import device

PART = device("lfe5u-25")
ONE = Steps.of(1)


def row(count: int, late: bool = False) -> Netlist:
    """x0 - 2 x1 + 4 x2 - ... + 9 added one after the other; the first term may come behind a clip."""
    builder = NetlistBuilder()
    port = builder.input_port("x", (count,), [Word(-128, 127)] * count, ONE)
    builder.at(Origin("fc"))
    total = builder.clip(builder.add(port.words[0], port.words[1]), -100, 100) if late else port.words[0]
    for place, word in enumerate(port.words[1:], 1):
        combine = builder.subtract if place % 2 else builder.add
        total = combine(total, word, 0, place % 4)
    total = builder.add(total, builder.constant(9))
    builder.label(total, 0)
    return builder.finish("row", [port], [Port("y", (), (total,), ONE)])


def depth(program: Netlist) -> int:
    """Adders on the longest path."""
    deep: list[int] = []
    for node in program:
        deep.append(max((deep[a] for a in node.args), default=0) + isinstance(node.op, Add | Subtract))
    return max(deep)


def ns(program: Netlist) -> float:
    return timing_of(program, PART.fabric).worst() / 1e6


def test_regrouped_sums_compute_the_same() -> None:
    for seed in range(60):
        rng = random.Random(seed)
        plain = random_netlist(rng, stages=seed % 3, words=rng.choice((20, 60, 150)))
        found = check(Reassociate(PART.fabric)(plain))
        given = random_vectors(plain, rng, 60)
        for a, b in zip(run(plain, given), run(found, given), strict=True):
            assert (a == b).all(), f"seed {seed}"
        assert [p.name for p in found.results] == [p.name for p in plain.results]


def test_a_row_of_sums_becomes_a_tree_with_its_constant_in_it() -> None:
    for count in (4, 8, 15):
        plain = row(count)
        found = check(Reassociate(PART.fabric)(plain))
        assert depth(plain) == count
        assert depth(found) == count.bit_length()
        x = np.random.default_rng(count).integers(-128, 128, (200, count))
        assert (run(plain, [x])[0] == run(found, [x])[0]).all()


def test_a_late_term_passes_one_adder() -> None:
    found = check(Reassociate(PART.fabric)(row(4, late=True)))
    clip = next(place for place, node in enumerate(found) if isinstance(node.op, Clip))
    behind = {clip}
    for place, node in enumerate(found):
        if behind & set(node.args):
            behind.add(place)
    assert len(behind) == 2


def test_no_netlist_gets_notably_later_or_larger() -> None:
    before = after = 0
    for seed in range(40):
        plain = random_netlist(random.Random(seed), stages=0, words=150)
        found = Reassociate(PART.fabric)(plain)
        assert ns(found) <= ns(plain)
        before, after = before + predict(plain, PART).luts, after + predict(found, PART).luts
    assert after <= before


def test_words_that_others_read_and_registers_stay() -> None:
    builder = NetlistBuilder()
    port = builder.input_port("x", (3,), [Word(0, 15)] * 3, ONE)
    shared = builder.add(port.words[0], port.words[1])
    kept = builder.word(Register(), builder.add(shared, port.words[2]))
    other = builder.word(Register(), builder.subtract(shared, port.words[2]))
    plain = builder.finish("shared", [port], [Port("y", (2,), (kept, other), ONE)])
    found = check(Reassociate(PART.fabric)(plain))
    assert sum(isinstance(node.op, Add | Subtract) for node in found) == 3
    assert sum(isinstance(node.op, Register) for node in found) == 2


def test_large_netlists_stay_as_they_are() -> None:
    plain = row(8)
    assert Reassociate(PART.fabric, most_words=10)(plain) is plain


def test_results_keep_their_names_and_layers() -> None:
    found = Reassociate(PART.fabric)(row(6))
    assert found.nodes[found.outputs[0]].name == "fc_0"
    assert {node.origin.layer for node in found} == {"x", "fc"}


def test_sums_of_nothing_and_of_one_term_are_words() -> None:
    builder = NetlistBuilder()
    port = builder.input_port("x", (1,), [Word(-8, 7)], ONE)
    (x,) = port.words
    words = (builder.negate(x), builder.word(Subtract(), x, x))
    found = check(Reassociate(PART.fabric)(builder.finish("one", [port], [Port("y", (2,), words, ONE)])))
    codes = np.arange(-8, 8)[:, None]
    assert (run(found, [codes])[0] == np.concatenate([-codes, 0 * codes], axis=1)).all()


def test_the_earliest_end_is_that_of_the_best_tree() -> None:
    def best(begins: tuple[int, ...]) -> int:
        if len(begins) == 1:
            return begins[0]
        pairs = [(i, j) for i in range(len(begins)) for j in range(i)]
        rest = [tuple(b for k, b in enumerate(begins) if k not in pair) for pair in pairs]
        return min(
            best((*others, max(begins[i], begins[j]) + 10)) for (i, j), others in zip(pairs, rest, strict=True)
        )

    rng = random.Random(0)
    for _ in range(40):
        begins = tuple(rng.randint(0, 40) for _ in range(rng.randint(1, 5)))
        assert earliest_end(begins, 10) == best(begins)
