"""The emitted text: names, modules, headers, goldens; what a person would look for."""

from __future__ import annotations

import gc
import random
import re
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from tests.generate import random_netlist

from bitwright.backends.verilog import emit
from bitwright.core.errors import InvalidValue
from bitwright.core.origin import Origin
from bitwright.ir.netlist import Netlist, NetlistBuilder, Port, Word, check, run
from bitwright.ir.netlist.ops import Add, AtLeast, Register
from bitwright.numeric import Steps


def tiny() -> Netlist:
    """Two neurons of three weights, a ReLU in 4 bits, a table: two register stages."""
    b = NetlistBuilder()
    x = b.input_port("x", (3,), [Word(-8, 7), Word(-8, 7), Word(0, 15)], Steps.of(Fraction(1, 8)))
    b.at(Origin("fc1", ("share", "place")))
    shared = b.add(x.words[0], x.words[1], 0, 2)
    sums = [b.subtract(shared, x.words[2]), b.add(shared, b.constant(-3), 1)]
    b.at(Origin("fc1", ("retime",)))
    sums = [b.word(Register(), s) for s in sums]
    b.at(Origin("relu", ("place",)))
    codes = [b.clip(b.shift(s, -1), 0, 15) for s in sums]
    b.at(Origin("act/tanh"))
    codes = [b.word(Register(), b.table(c, 0, [i * i // 17 - 3 for i in range(16)])) for c in codes]
    y = Port("y", (1, 2), tuple(codes), Steps.of(Fraction(1, 4)))
    return b.finish("tiny", [x], [y])


def test_a_small_design_reads_as_it_did_when_someone_last_looked(golden: Callable[[str, str], None]) -> None:
    codes = [np.array([[-8, -8, 0], [7, 7, 15], [1, -2, 3]])]
    made = emit(tiny(), valid=True, axis=True, vectors=(codes, run(tiny(), codes)), header="Written for a test.")
    names = [name for name in made.files if not re.search(r"/bw_\w+\.v$", name)]
    for name in names:
        golden(f"verilog/{name}", made.files[name])


def test_one_file_holds_one_module_of_its_name() -> None:
    made = emit(random_netlist(random.Random(1), words=60), axis=True, valid=True)
    for name, text in made.files.items():
        if name.endswith(".v"):
            assert re.findall(r"^module (\w+)", text, re.M) == [name.rpartition("/")[2].removesuffix(".v")]


def test_equal_netlists_give_equal_bytes() -> None:
    first, second = (emit(random_netlist(random.Random(5), words=80), axis=True).files for _ in range(2))
    assert first == second
    assert list(first) == list(second)


def test_sources_are_what_each_top_needs_and_no_more() -> None:
    plain = emit(tiny())
    assert plain.sources == ("rtl/tiny.v", "rtl/tiny_fc1.v", "rtl/tiny_relu.v", "rtl/tiny_act_tanh.v")
    assert (plain.axis_top, plain.axis_sources, plain.latency_cycles) == (None, (), 2)
    assert (plain.input_bits, plain.output_bits) == (12, 10)
    assert " ce" not in "".join(plain.files.values())
    both = emit(tiny(), axis=True, valid=True)
    assert set(both.axis_sources) - set(both.sources) == {"rtl/tiny_axis.v", "rtl/bw_axis.v"}
    assert set(both.sources) - set(both.axis_sources) == {"rtl/tiny.v", "rtl/bw_valid.v"}


def test_only_valid_flags_are_reset() -> None:
    made = emit(tiny(), valid=True, axis=True)
    layers = [text for name, text in made.files.items() if "/tiny_" in name and "axis" not in name]
    assert len(layers) == 4
    assert not any("rst" in text or "reset" in text for text in layers)


def test_a_layer_used_twice_becomes_one_module_per_use_in_clean_order() -> None:
    b = NetlistBuilder()
    x = b.input_port("x", (2,), [Word(-8, 7)] * 2, Steps.of(1))
    word = x.words[0]
    for _ in range(3):
        b.at(Origin("dense"))
        word = b.add(word, x.words[1])
        b.at(Origin("relu"))
        word = b.clip(word, 0, 7)
    made = emit(b.finish("twice", [x], [Port("y", (), (word,), Steps.of(1))]))
    order = re.findall(r"^    twice_(\w+) u_", made.files["rtl/twice.v"], re.M)
    assert order == ["dense", "relu", "dense_2", "relu_2", "dense_3", "relu_3"]
    assert "layer dense (part 2)" in made.files["rtl/twice_dense_2.v"]


def test_names_that_verilog_or_the_design_needs_are_moved_out_of_the_way() -> None:
    b = NetlistBuilder()
    x = b.input_port("in_valid", (1,), [Word(-8, 7)], Steps.of(1))
    b.at(Origin("core"))
    word = b.table(b.negate(x.words[0]), -7, [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3])
    draft = b.finish("top", [x], [Port("in_valid", (1,), (word,), Steps.of(1))])
    nodes = tuple(
        type(node)(node.op, node.args, node.type, name, node.origin)
        for node, name in zip(draft.nodes, ("code", "zero", "unused", "table_1"), strict=True)
    )
    netlist = Netlist(draft.name, nodes, draft.outputs, draft.inputs, draft.results)
    made = emit(netlist, valid=True)
    assert [p.name for p in made.ports] == ["in_valid_2", "in_valid_3"]
    assert "rtl/top_core_2.v" in made.sources
    assert "w_unused = -" in made.files["rtl/top_core_2.v"]
    assert "table_1 = table_2(w_unused)" in made.files["rtl/top_core_2.v"]


def test_equal_tables_of_a_layer_are_one_function() -> None:
    assert emit(tiny()).files["rtl/tiny_act_tanh.v"].count("endfunction") == 1


def test_side_by_side_bits_need_no_adder() -> None:
    b = NetlistBuilder()
    x = b.input_port("x", (2,), [Word(-8, 7), Word(0, 7)], Steps.of(1))
    b.at(Origin("join"))
    word = b.add(x.words[0], x.words[1], 3)
    made = emit(b.finish("joined", [x], [Port("y", (1,), (word,), Steps.of(1))]))
    assert "assign join_w0 = {x_0, x_1};" in made.files["rtl/joined_join.v"]


def test_saturation_to_a_power_of_two_is_a_test_of_bits() -> None:
    b = NetlistBuilder()
    x = b.input_port("x", (1,), [Word(-128, 127)], Steps.of(1))
    b.at(Origin("sat"))
    words = [b.clip(x.words[0], 0, 15), b.clip(x.words[0], -16, 15), b.clip(x.words[0], -3, 127)]
    text = emit(b.finish("s", [x], [Port("y", (3,), tuple(words), Steps.of(1))])).files["rtl/s_sat.v"]
    assert "x_0[7] ? 4'd0 : (|x_0[6:4]) ? 4'd15 : x_0[3:0];" in text
    assert "(x_0[7] & (~&x_0[6:4])) ? -5'd16 : ((~x_0[7]) & (|x_0[6:4])) ? 5'd15 : x_0[4:0];" in text
    assert "(x_0 < -8'sd3) ? -8'd3 : x_0;" in text


def test_the_most_negative_factor_keeps_its_sign_where_the_product_is_wider() -> None:
    b = NetlistBuilder()
    x = b.input_port("x", (1,), [Word(-8, 7)], Steps.of(1))
    b.at(Origin("times"))
    word = b.multiply(x.words[0], b.constant(-8))
    text = emit(b.finish("m", [x], [Port("y", (1,), (word,), Steps.of(1))])).files["rtl/m_times.v"]
    # -4'sd8 would be -(-8) once extended.
    assert "x_0 * 4'sh8;" in text


def test_a_comparison_with_the_end_of_a_range_is_an_equality() -> None:
    b = NetlistBuilder()
    x = b.input_port("x", (1,), [Word(-3, 9)], Steps.of(1))
    b.at(Origin("cmp"))
    pairs = ((x.words[0], b.constant(9)), (b.constant(-3), x.words[0]), (x.words[0], b.constant(0)))
    words = tuple(b.at_least(*pair) for pair in pairs)
    text = emit(b.finish("c", [x], [Port("y", (3,), words, Steps.of(1))])).files["rtl/c_cmp.v"]
    assert re.findall(r" = (.*);", text)[:3] == ["x_0 == 5'sd9", "x_0 == -5'sd3", "~x_0[4]"]


def test_an_input_that_only_a_proven_number_reads_is_no_net() -> None:
    b = NetlistBuilder()
    x = b.input_port("x", (2,), [Word(0, 7), Word(0, 7)], Steps.of(1))
    b.at(Origin("cmp"))
    word = b.add(b.at_least(x.words[1], b.constant(3)), x.words[0])
    drawn = b.finish("p", [x], [Port("y", (1,), (word,), Steps.of(1))])
    # Something that the inference does not see has proved x[1] >= 3.
    proven = {AtLeast: Word(1, 1), Add: Word(1, 8)}
    nodes = tuple(replace(n, type=proven.get(type(n.op), n.type)) for n in drawn.nodes)
    made = emit(check(replace(drawn, nodes=nodes)))
    assert "wire unused = &{1'b0, clk, x[5:3]};" in made.files["rtl/p.v"]
    assert "x_1" not in made.files["rtl/p.v"]
    assert "{1'b0, x_0} + 4'd1" in made.files["rtl/p_cmp.v"] or "4'd1 + {1'b0, x_0}" in made.files["rtl/p_cmp.v"]


def test_dropped_bits_are_named_in_one_place() -> None:
    text = emit(tiny()).files["rtl/tiny_relu.v"]
    assert re.search(r"wire unused = &\{1'b0, .*relu_w0|fc1_w\d+\[0\]", text)


def test_the_port_table_gives_bits_format_range_and_step_of_every_element() -> None:
    table = emit(tiny(), axis=True, valid=True).files["docs/ports.md"]
    assert "| 0 to 1 | [7:0], 4 each | s4.3 | -8 to 7 | 1/8 |" in table
    assert "| 2 | [11:8] | u4.3 | 0 to 15 | 1/8 |" in table
    assert "| `m_axis_tdata` | [9:0] | `y` |" in table


def test_the_header_stands_at_the_head_of_every_generated_file() -> None:
    codes = [np.zeros((1, 3), np.int64)]
    made = emit(tiny(), axis=True, vectors=(codes, run(tiny(), codes)), header="build 7\nlicense X")
    for name, text in made.files.items():
        if name.endswith(".v") and "/bw_" not in name:
            assert text.startswith("// build 7\n// license X\n//\n")


def test_no_user_text_becomes_a_command_to_a_tool() -> None:
    b = NetlistBuilder()
    x = b.input_port("x", (2,), [Word(-8, 7)] * 2, Steps.of(1))
    b.at(Origin("sum\nsynopsys translate_off\nendmodule", ("verilator lint_off",)))
    word = b.add(x.words[0], x.words[1])
    netlist = b.finish("verilator", [x], [Port("y", (1,), (word,), Steps.of(1))])
    made = emit(netlist, header="synthesis translate_off\n`undef\n*/ module")
    for name, text in made.files.items():
        if name.endswith(".v"):
            assert not re.search(r"//\W*(synopsys|synthesis|verilator|pragma)", text.replace("// - ", "// x "))
            lines = [line.strip() for line in text.splitlines()]
            assert lines.count("endmodule") == 1
            assert not any(line.startswith("`undef") for line in lines)


def test_bench_images_hold_a_line_per_vector_with_element_0_lowest() -> None:
    codes = [np.array([[-8, 7, 15], [1, 0, 0]])]
    made = emit(tiny(), axis=True, vectors=(codes, run(tiny(), codes)))
    assert made.files["tb/tiny_in.hex"] == "f78\n001\n"
    assert made.files["tb/tiny_axis_in.hex"] == "0f78\n0001\n"


@pytest.mark.parametrize("count", [(0, 0), (2, 3)])
def test_vectors_that_are_none_or_do_not_match_are_refused(count: tuple[int, int]) -> None:
    given, wanted = np.zeros((count[0], 3), np.int64), np.zeros((count[1], 1, 2), np.int64)
    with pytest.raises(InvalidValue, match="vectors"):
        emit(tiny(), vectors=([given], [wanted]))


def test_a_netlist_without_an_output_is_refused() -> None:
    b = NetlistBuilder()
    x = b.input_port("x", (1,), [Word(0, 1)], Steps.of(1))
    with pytest.raises(InvalidValue, match="no output port"):
        emit(b.finish("none", [x], []))


def test_emitting_leaves_the_garbage_collector_as_it_was() -> None:
    emit(tiny())
    assert gc.isenabled()
    gc.disable()
    try:
        emit(tiny())
        assert not gc.isenabled()
    finally:
        gc.enable()


@pytest.mark.parametrize(("calls", "once"), [(7, 0), (8, 1)])
def test_a_table_that_is_looked_up_often_is_written_once_by_the_simulator(calls: int, once: int) -> None:
    b = NetlistBuilder()
    x = b.input_port("x", (calls,), [Word(-4, 3)] * calls, Steps.of(1))
    b.at(Origin("act"))
    found = tuple(b.table(word, -4, [3, 1, 4, 1, 5, 9, 2, 6]) for word in x.words)
    made = emit(b.finish("net", [x], [Port("y", (calls,), found, Steps.of(1))]))
    assert made.files["rtl/net_act.v"].count("/* verilator no_inline_task */") == once
