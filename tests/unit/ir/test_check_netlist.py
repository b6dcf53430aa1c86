"""`check` finds each kind of broken netlist; the builder folds, shares and narrows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from bitwright.core.errors import InvalidProgram, InvalidValue
from bitwright.core.origin import Origin
from bitwright.ir.netlist import Netlist, NetlistBuilder, Port, Word, check, latency_cycles, run, stages, trace
from bitwright.ir.netlist import ops as words
from bitwright.ir.program import Node
from bitwright.numeric import Ints, Steps

ONE = Steps.of(1)
Change = Callable[[Node], Node]  # pyright: ignore[reportMissingTypeArgument]


def started(*types: Word) -> tuple[NetlistBuilder, Port]:
    builder = NetlistBuilder()
    port = builder.input_port("x", (len(types),), types, ONE)
    builder.at(Origin("fc"))
    return builder, port


def pipeline() -> Netlist:
    """y = register(register(a + b) + register(b)), z = register(register(max-like mux))."""
    builder, port = started(Word(-8, 7), Word(0, 15))
    a, b = port.words
    total = builder.word(words.Register(), builder.add(a, b))
    other = builder.word(words.Register(), b)
    table = builder.word(words.Register(), builder.table(a, -8, [v * v for v in range(-8, 8)]))
    more = builder.word(words.Register(), builder.add(total, other))
    chosen = builder.mux(builder.at_least(other, total), table, builder.constant(3))
    picked = builder.word(words.Register(), builder.bits(chosen, 1, 3))
    return builder.finish("net", [port], [Port("y", (1,), (more,), ONE), Port("z", (), (picked,), Steps.of(2))])


def place(program: Netlist, kind: type[words.WordOp], which: int = 0) -> int:
    return [i for i, n in enumerate(program.nodes) if isinstance(n.op, kind)][which]


def changed(at: int, change: Change) -> Netlist:
    program = pipeline()
    return replace(program, nodes=tuple(change(n) if i == at else n for i, n in enumerate(program.nodes)))


def test_a_sound_netlist_is_returned_as_it_is_and_has_one_latency() -> None:
    program = pipeline()
    assert check(program) is program
    assert latency_cycles(program) == 2
    assert sorted(set(stages(program))) == [-1, 0, 1, 2]


def typed(low: int, high: int) -> Change:
    return lambda node: replace(node, type=Word(low, high))


BROKEN: dict[str, tuple[type[words.WordOp], Change, str]] = {
    "name taken": (words.Add, lambda n: replace(n, name="x_0"), "name is taken"),
    "argument later": (words.Add, lambda n: replace(n, args=(0, 40)), "argument comes later"),
    "argument negative": (words.Add, lambda n: replace(n, args=(0, -1)), "argument comes later"),
    "too few arguments": (words.Add, lambda n: replace(n, args=(0,)), "do not fit"),
    "too many arguments": (words.Add, lambda n: replace(n, args=(0, 1, 1)), "do not fit"),
    "range above": (words.Add, typed(-8, 23), "is not within"),
    "range below": (words.Add, typed(-9, 22), "is not within"),
    "range empty": (words.Add, typed(3, 2), "is empty"),
    "range beyond 62 bits": (words.Add, typed(0, 1 << 62), "beyond 62 bits"),
    "an empty input": (words.Input, typed(1, 0), "is empty"),
    "an input that reads": (words.Add, lambda n: replace(n, op=words.Input()), "reads nothing"),
    "a constant of another number": (words.Constant, lambda n: replace(n, op=words.Constant(4)), "is not within"),
    "a negative shift": (words.Add, lambda n: replace(n, op=words.Add(-1, 0)), "do not fit"),
    "no bits": (words.Bits, lambda n: replace(n, op=words.Bits(0, 0)), "no bits"),
    "bits below the last": (words.Bits, lambda n: replace(n, op=words.Bits(-1, 3)), "no bits"),
    "a selector that is no bit": (words.Mux, lambda n: replace(n, args=(1, 0, 1)), "selector"),
    "a table too short": (words.Table, lambda n: replace(n, op=words.Table(-8, Ints([1, 2]))), "does not cover"),
    "a table begun late": (words.Table, lambda n: replace(n, op=replace(n.op, start=-7)), "does not cover"),
}


@pytest.mark.parametrize("case", sorted(BROKEN))
def test_each_kind_of_broken_netlist_is_refused_by_the_name_of_its_word(case: str) -> None:
    kind, change, what = BROKEN[case]
    with pytest.raises(InvalidProgram, match=what) as caught:
        check(changed(place(pipeline(), kind), change))
    assert caught.value.where.startswith("net")


@pytest.mark.parametrize("which", range(5))
def test_every_missing_register_is_seen(which: int) -> None:
    program = pipeline()
    at = place(program, words.Register, which)
    source = program.nodes[at].args[0]
    bypassed = tuple(replace(n, args=tuple(source if a == at else a for a in n.args)) for n in program.nodes)
    outputs = tuple(source if o == at else o for o in program.outputs)
    results = tuple(replace(p, words=tuple(source if w == at else w for w in p.words)) for p in program.results)
    with pytest.raises(InvalidProgram, match=r"differ in age|outputs come after"):
        check(replace(program, nodes=bypassed, outputs=outputs, results=results))


def ported(**fields: object) -> Netlist:
    return replace(pipeline(), **fields)  # pyright: ignore[reportArgumentType]


def test_ports_that_do_not_fit_are_refused() -> None:
    program = pipeline()
    entry, (first, second) = program.inputs[0], program.results
    broken = [
        ported(results=(second, first)),
        ported(outputs=program.outputs[:1]),
        ported(inputs=()),
        ported(inputs=(replace(entry, words=(0, 0)),)),
        ported(inputs=(replace(entry, words=(0, 2)),)),
        ported(inputs=(replace(entry, shape=(3,)),)),
        ported(results=(replace(first, shape=()), replace(second, shape=(2,)))),
        ported(inputs=(replace(entry, step=Steps.of([[1, 2], [3, 4]])),)),
        ported(outputs=(99, 99), results=(replace(first, words=(99,)), replace(second, words=(99,)))),
    ]
    for program in broken:
        with pytest.raises(InvalidProgram):
            check(program)


def test_run_refuses_arrays_that_are_not_the_ports() -> None:
    program = pipeline()
    fine = np.array([[-8, 15], [7, 0]])
    assert [a.tolist() for a in run(program, [fine])] == [[[22], [7]], [0, 1]]
    for arrays, what in (
        ([], "0 arrays for 1 ports"),
        ([fine[:, :1]], "shape"),
        ([fine + 1], "outside its range"),
        ([fine - 1], "outside its range"),
    ):
        with pytest.raises(InvalidValue, match=what):
            run(program, arrays)
    assert [a.shape for a in run(program, [fine[:0]])] == [(0, 1), (0,)]


def test_equal_words_are_built_once_and_constants_fold() -> None:
    builder, port = started(Word(0, 7), Word(0, 7))
    a, b = port.words
    assert builder.add(a, b) == builder.add(b, a)
    assert builder.add(a, b, 1, 3) == builder.shift(builder.add(a, b, 0, 2), 1)
    two, three = builder.constant(2), builder.constant(3)
    assert builder.value_of(builder.add(two, three, 1, 0)) == 7
    assert builder.value_of(builder.multiply(two, three)) == 6
    assert builder.value_of(builder.at_least(two, three)) == 0
    assert builder.value_of(builder.clip(a, 9, 12)) == 9
    assert builder.value_of(builder.clip(a, -5, -1)) == -1
    assert builder.value_of(builder.bits(two, 1, 1)) == 1
    assert builder.value_of(builder.table(a, 0, [4] * 8)) == 4
    assert builder.value_of(builder.at_least(a, builder.constant(0))) == 1
    assert builder.mux(builder.constant(1), a, b) == a
    assert builder.mux(builder.at_least(a, b), b, b) == b


def test_what_changes_nothing_is_no_word() -> None:
    builder, port = started(Word(0, 7), Word(-4, 3))
    a, b = port.words
    zero = builder.constant(0)
    before = len(builder.nodes)
    assert builder.add(a, zero) == builder.add(zero, a) == builder.subtract(a, zero) == builder.shift(a, 0) == a
    assert builder.clip(b, -4, 9) == b
    assert builder.bits(a, 0, 3) == a
    assert builder.table(a, 0, range(8)) == a
    assert builder.multiply(a, builder.constant(1)) == a
    assert len(builder.nodes) == before + 1


def test_shifts_merge_only_where_that_is_exact() -> None:
    builder, port = started(Word(-9, 9))
    a = port.words[0]
    assert builder.shift(builder.shift(a, 2), 3) == builder.shift(a, 5)
    assert builder.shift(builder.shift(a, -1), -2) == builder.shift(a, -3)
    there_and_back = builder.shift(builder.shift(a, -2), 2)
    assert there_and_back != a
    program = builder.finish("s", [port], [Port("y", (1,), (there_and_back,), ONE)])
    x = np.arange(-9, 10)[:, None]
    assert (run(program, [x])[0] == (x >> 2) << 2).all()


def test_sums_of_shifted_words_are_what_they_say() -> None:
    builder, port = started(Word(-5, 6), Word(-3, 9))
    a, b = port.words
    made = {(l, r, s): builder.add(a, b, l, r) if s > 0 else builder.subtract(a, b, l, r)
            for l in range(4) for r in range(4) for s in (1, -1)}  # fmt: skip
    program = check(builder.finish("s", [port], [Port("y", (len(made),), tuple(made.values()), ONE)]))
    x = np.stack([c.ravel() for c in np.meshgrid(np.arange(-5, 7), np.arange(-3, 10))], axis=1)
    found = run(program, [x])[0]
    for column, (left, right, sign) in enumerate(made):
        assert (found[:, column] == (x[:, 0] << left) + sign * (x[:, 1] << right)).all()


def test_narrowing_tightens_words_but_not_inputs() -> None:
    builder, port = started(Word(0, 7), Word(0, 7))
    a, b = port.words
    total = builder.add(a, b)
    assert builder.narrow(total, -5, 9) == total
    assert builder.type(total) == Word(0, 9)
    assert builder.narrow(a, 1, 2) == a
    assert builder.type(a) == Word(0, 7)
    assert builder.value_of(builder.narrow(total, 4, 4)) == 4


def test_words_that_no_output_reads_are_left_out_but_inputs_stay() -> None:
    builder, port = started(Word(0, 7), Word(0, 7))
    builder.add(*port.words)
    kept = builder.shift(port.words[0], -1)
    program = check(builder.finish("s", [port], [Port("y", (), (kept,), ONE)]))
    assert [type(n.op).__name__ for n in program] == ["Input", "Input", "Shift"]


def test_a_word_of_more_than_62_bits_is_refused_by_its_layer() -> None:
    builder, port = started(Word(0, 1 << 40))
    with pytest.raises(InvalidValue, match="fc: a word of"):
        builder.shift(port.words[0], 30)


def test_words_near_62_bits_are_exact() -> None:
    top = (1 << 61) - 1
    builder, port = started(Word(-(1 << 60), (1 << 60) - 1), Word(-(1 << 60), (1 << 60) - 1))
    a, b = port.words
    total, half = builder.add(a, b), builder.shift(a, -59)
    least = builder.at_least(a, b)
    program = check(builder.finish("w", [port], [Port("y", (3,), (total, half, least), ONE)]))
    x = np.array([[-(1 << 60), -(1 << 60)], [(1 << 60) - 1, (1 << 60) - 1], [(1 << 60) - 1, -(1 << 60)]])
    assert run(program, [x])[0].tolist() == [[-top - 1, -2, 1], [top - 1, 1, 1], [-1, 1, 1]]


def test_trace_gives_every_word() -> None:
    program = pipeline()
    values = trace(program, [np.array([[3, 4]])])
    assert len(values) == len(program)
    for node, value in zip(program, values, strict=True):
        assert node.type.low <= int(value.min()) <= int(value.max()) <= node.type.high
