"""The emitted text of streaming designs: files, names, memory images, what is refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from tests.stream_programs import (
    MIXED,
    PROGRAMS,
    buffered,
    codes,
    dense,
    folded,
    joined,
    netlist,
    rearranged,
    residual,
    stream,
)

from bitwright.backends.verilog.printer import expression
from bitwright.backends.verilog.stream import emit_stream
from bitwright.backends.verilog.stream.actor import weight_rows
from bitwright.backends.verilog.stream.fronts import front
from bitwright.backends.verilog.stream.layout import Lanes, packed
from bitwright.core.errors import InvalidProgram
from bitwright.ir.dataflow import Dataflow, DataflowBuilder, ops, run
from bitwright.ir.dataflow.ops import Actor, Apply, MatVec, Rearrange, Source
from bitwright.ir.netlist import Word


def test_a_small_design_reads_as_it_did_when_someone_last_looked(golden: Callable[[str, str], None]) -> None:
    program = buffered(folded(), (2, 3, 4))
    given = codes(program, 2)
    made = emit_stream(program, vectors=(given, run(program, given)), header="Written for a test.")
    names = [name for name in made.files if not re.search(r"/bw_\w+\.v$", name)]
    for name in names:
        golden(f"stream/{name}", made.files[name])


def test_every_actor_but_the_source_has_a_front() -> None:
    kinds = {getattr(ops, name) for name in ops.__all__}
    actors = {kind for kind in kinds if issubclass(kind, Actor)} - {Actor, Source}
    assert {kind for kind in actors if kind in front} == actors


def test_a_program_without_channels_is_sent_to_the_pass_that_finds_them() -> None:
    with pytest.raises(InvalidProgram, match=r"run passes\.Buffer"):
        emit_stream(folded())
    boundless = rearranged()
    nodes = [
        replace(n, op=replace(n.op, depth=0)) if isinstance(n.op, Rearrange) else n for n in buffered(boundless).nodes
    ]
    with pytest.raises(InvalidProgram, match=r"rearranged\.transpose: a memory without a depth"):
        emit_stream(replace(buffered(boundless), nodes=tuple(nodes)))


@pytest.mark.parametrize("make", PROGRAMS)
def test_one_file_holds_one_module_of_its_name_and_all_that_is_placed_is_there(make: Callable[[], Dataflow]) -> None:
    made = emit_stream(buffered(make()))
    verilog = {name: text for name, text in made.files.items() if name.endswith(".v")}
    modules = {name: re.findall(r"^module (\w+)", text, re.M) for name, text in verilog.items()}
    assert all(found == [name.rpartition("/")[2].removesuffix(".v")] for name, found in modules.items())
    known = {found for (found,) in modules.values()}
    placed = {m for text in verilog.values() for m in re.findall(r"^ +(\w+) (?:#\(|\w+ \()", text, re.M)}
    assert {m for m in placed if m.startswith(("bw_", made.top))} <= known
    assert set(made.sources) == set(verilog)


def test_equal_programs_give_equal_bytes() -> None:
    first, second = (emit_stream(buffered(residual())).files for _ in range(2))
    assert (first, list(first)) == (second, list(second))


def test_names_that_meet_are_kept_apart() -> None:
    """Actor `a_tail` and the tail of actor `a`, a layer `tail` in it, and actors that differ in case."""
    b = DataflowBuilder()
    x = b.source(stream((2,), 1, Word(-4, 3)), "a_source")
    kernel = netlist("tail", {"x": [Word(-4, 3)]}, lambda n, w: [n.clip(n.add(w[0], n.constant(1)), -4, 3)])
    for name in ("a", "a_tail", "A", "a_tail_tail", "clk"):
        x = b.apply(Apply(kernel), [x], name=name)
    made = emit_stream(buffered(b.dataflow("net", [x])))
    names = [name.lower() for name in made.files]
    assert len(set(names)) == len(names)
    assert len(re.findall(r"_actor \(", made.files["rtl/net.v"])) == 5


def test_weights_stand_in_the_order_of_steps() -> None:
    """Group, block, fold; in a word unit by unit, lane by lane."""
    codes = np.arange(2 * 6 * 4).reshape(2, 6, 4) - 20
    op = dense(stream((12,), 3, Word(0, 1)), codes, 2)
    rows = weight_rows(op, 3)
    assert rows.shape == (2 * 2 * 2, 6)
    assert rows[1].tolist() == [codes[0, i, o] for o in (0, 1) for i in (3, 4, 5)]
    assert rows[2].tolist() == [codes[0, i, o] for o in (2, 3) for i in (0, 1, 2)]
    assert rows[4].tolist() == [codes[1, i, o] for o in (0, 1) for i in (0, 1, 2)]


def test_a_memory_image_has_a_word_of_weights_a_line() -> None:
    made = emit_stream(buffered(folded()))
    (image,) = made.images
    node = next(n for n in folded().nodes if n.name == "fc1")
    assert isinstance(node.op, MatVec)
    lines = made.files[image].split()
    rows = weight_rows(node.op, 4)
    assert [int(line, 16) for line in lines] == [packed(row, [Word(-4, 3)] * 8).value for row in rows.tolist()]
    assert f'"{image.rpartition("/")[2]}"' in made.files["rtl/folded_fc1.v"]


def test_one_word_of_weights_is_a_number_and_no_memory() -> None:
    made = emit_stream(buffered(folded()))
    assert "bw_rom" not in made.files["rtl/folded_fc2.v"]
    assert re.search(r"wire \[89:0\] weights = \{", made.files["rtl/folded_fc2.v"])


def test_lanes_are_extended_by_their_sign_or_cut() -> None:
    given = Lanes("head", MIXED)
    assert given.bits == 10
    assert expression(given.to(MIXED)) == "head"
    assert expression(given.to([Word(-16, 15), Word(0, 31), Word(-2, 1), Word(0, 3)])) == (
        "{1'b0, head[9], head[8], head[8], 1'b0, head[7:4], head[3], head[3:0]}"
    )
    assert given.dropped == []
    assert expression(given.to([Word(-8, 7), Word(0, 3), Word(-1, 0)])) == "{head[8], head[5:0]}"
    assert [expression(part) for part in given.dropped] == ["head[7:6]"]
    assert expression(given.to([Word(0, 15)], 1)) == "head[7:4]"


def test_beats_are_frames_and_back() -> None:
    program = buffered(residual())
    made = emit_stream(program)
    (source,) = made.inputs
    assert (source.prefix, source.words, source.bits, source.data_bits) == ("s_axis", 4, 20, 24)
    given = codes(program, 3)[0]
    beats = source.pack(given)
    assert beats.shape == (12, 1)
    assert (source.unpack(beats) == given).all()


def test_several_streams_carry_their_names() -> None:


    made = emit_stream(buffered(joined()))
    prefixes = [port.prefix for port in made.ports]
    assert prefixes == ["s_axis_left", "s_axis_right", "m_axis_narrow", "m_axis_concat"]
