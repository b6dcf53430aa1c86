"""HLS C++ of dataflow programs equals them bit for bit: actors between streams, frames with their ends."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from tests.generate_streams import random_dataflow
from tests.stream_programs import PROGRAMS, codes, convolved, dense, dot, folded, netlist, stream, weights
from tests.tools.hls_programs import build_and_run

from bitwright.backends.cpp.dialects import DIALECTS
from bitwright.backends.cpp.project import HlsFiles, Target
from bitwright.backends.cpp.streaming import described, stream_project
from bitwright.core.errors import ConfigError
from bitwright.ir.dataflow import Dataflow, DataflowBuilder, run
from bitwright.ir.dataflow.ops import Accumulate, Cell, Digits, Loop, MatVec, Rearrange, Window
from bitwright.ir.netlist import NetlistBuilder, Word
from bitwright.numeric import Ints
from bitwright.passes.buffer import Buffer

FRAMES = 4
FLAGS = ("-DBW_SIMULATION", "-Wall", "-Wextra", "-Werror", "-Wno-unknown-pragmas", "-Wno-unused-label")


def project(program: Dataflow, vendor: str, *, loadable: bool = False) -> HlsFiles:
    given = codes(program, FRAMES)
    return stream_project(program, Target(vendor), vectors=(given, run(program, given)), loadable=loadable)


def expected(projects: Sequence[HlsFiles]) -> str:
    return "".join(f"{p.top}: {FRAMES} vectors, 0 numbers differ\n" for p in projects)


def serial() -> Dataflow:
    """Three times the first less twice the second lane, two bits of both at a time."""
    b = DataflowBuilder()
    x = b.source(stream((3, 2), 2, Word(-4, 3)), "x")
    digits = b.apply(Digits(2, 2, 4), [x], shape=(6, 2), name="digits")

    def kernel(n: NetlistBuilder, words: list[int]) -> list[int]:
        return [n.subtract(n.add(words[0], words[0], 1, 0), words[1], 0, 1)]

    made = netlist("products", {"x": b.type(digits).lane_words()}, kernel)
    total = Accumulate(2, 2, made, Ints(1), Ints(-20), Ints(40))
    return b.dataflow("serial", [b.apply(total, [digits], shape=(3,), name="totals")])


def dilated() -> Dataflow:
    """A kernel with gaps in rows and columns, and its windows backwards, each with its number added."""
    b = DataflowBuilder()
    x = b.source(stream((6, 5, 1), 1, Word(-8, 7)), "x")
    y = b.apply(Window((6, 5, 1), (3, 2), (1, 2), ((1, 0), (0, 0)), (2, 3)), [x], shape=(3, 1, 6), name="gaps")

    def kernel(n: NetlistBuilder, words: list[int]) -> list[int]:
        return [n.add(word, words[-1]) for word in words[:-1]]

    tail = netlist("odd", {"x": [Word(-8, 7)] * 6, "phase": [Word(0, 2)]}, kernel)
    back = Rearrange((3, 1, 1), (Loop(3, -1),), (2, 0, 0), tail=tail)
    return b.dataflow("dilated", [b.apply(back, [y], name="back")])


def stateless() -> Dataflow:
    """A folded cell that keeps nothing but what goes back, three rows of which the last one tells."""
    b = DataflowBuilder()
    x = b.source(stream((3, 2), 1, Word(-4, 3)), "rows")

    def step(n: NetlistBuilder, words: list[int]) -> list[int]:
        back = n.clip(n.shift(words[0], -2), -8, 7)
        return [n.clip(words[0], -64, 63), n.subtract(n.constant(0), back), back]

    made = netlist("step", {"x": [Word(-300, 300)]}, step, 1)
    op = Cell(3, Ints(weights(7, 1, 5, 3)), 1, dot([Word(-8, 7)], Word(-4, 3)), -300, 300, made, 1, Ints([2]), True)
    return b.dataflow("stateless", [b.apply(op, [x], shape=(3, 2), name="last")])


@pytest.mark.tool("g++")
def test_every_actor_gives_its_integers(tmp_path: Path) -> None:
    known = [make() for make in (*PROGRAMS, serial, dilated, stateless)]
    assert {type(node.op) for program in known for node in program.nodes} >= described.kinds
    projects = [project(Buffer()(program), "catapult") for program in known]
    assert build_and_run(projects, tmp_path, *FLAGS) == expected(projects)


@pytest.mark.tool("g++")
@pytest.mark.parametrize("vendor", ["vitis", "intel"])
def test_other_vendors_streams_carry_the_same_words(vendor: str, tmp_path: Path) -> None:
    projects = [project(Buffer()(folded()), vendor)]
    assert build_and_run(projects, tmp_path, *FLAGS) == expected(projects)


@pytest.mark.tool("g++")
@pytest.mark.long
@pytest.mark.parametrize("vendor", DIALECTS)
@pytest.mark.parametrize("first", range(100, 200, 20))
def test_a_hundred_random_programs_for_every_vendor(vendor: str, first: int, tmp_path: Path) -> None:
    projects: list[HlsFiles] = []
    for seed in range(first, first + 20):
        program = Buffer()(random_dataflow(random.Random(seed), name=f"random{seed}"))
        projects.append(project(program, vendor, loadable=seed % 2 == 0 and vendor != "intel"))
    assert build_and_run(projects, tmp_path, *FLAGS) == expected(projects)


def spoiled(name: str, file: str, pattern: str, other: Callable[[re.Match[str]], str]) -> HlsFiles:
    """`folded` under `name` with one place of one file changed."""
    made = project(replace(Buffer()(folded()), name=name), "catapult", loadable="weight" in name)
    text, count = re.subn(pattern, other, made.files[file], count=1)
    assert count == 1
    made.files[file] = text
    return made


@pytest.mark.tool("g++")
def test_the_bench_sees_a_wrong_word_and_a_wrong_weight(tmp_path: Path) -> None:
    word = spoiled("word", "word_out.dat", r"^-?\d+", lambda m: str(int(m.group()) ^ 1))
    weight = spoiled("weight", "weight_fc2_weights.h", r"{{-?\d+", lambda m: "{{" + str(int(m.group()[2:]) ^ 3))
    wanted = rf"word: {FRAMES} vectors, 1 numbers differ\nweight: {FRAMES} vectors, [1-9]\d* numbers differ\n"
    assert re.fullmatch(wanted, build_and_run([word, weight], tmp_path, "-DBW_SIMULATION"))


@pytest.mark.tool("g++")
@pytest.mark.long
def test_the_bench_sees_a_frame_without_an_end(tmp_path: Path) -> None:
    endless = spoiled("endless", "bw_stream.h", r"i == 0, i \+ 1 == D::WORDS", lambda m: "i == 0, false")
    wanted = f"endless: {FRAMES} vectors, {FRAMES} numbers differ\n"
    assert build_and_run([endless], tmp_path, "-DBW_SIMULATION") == wanted


def test_channels_are_as_deep_as_the_schedule_says() -> None:
    program = Buffer()(convolved())
    for vendor, form in (
        ("vitis", r"#pragma HLS stream variable=(\w+) depth=(\d+)"),
        ("catapult", r"directive set /convolved/(\w+):cns -FIFO_DEPTH (\d+)"),
    ):
        made = project(program, vendor).files
        told = re.findall(form, made["convolved.cpp"] + made.get("run.tcl", ""))
        assert [int(depth) for _, depth in told] == [max(c.depth, 1) for c in program.channels]
    assert "#pragma HLS dataflow" in project(program, "vitis").files["convolved.cpp"]


def writable(seed: int) -> Dataflow:
    """A dense layer whose weights and biases can be written, and a layer of constants behind it."""
    b = DataflowBuilder()
    x = b.source(stream((4, 6), 3, Word(-8, 7)), "x")

    def tail(n: NetlistBuilder, words: list[int]) -> list[int]:
        return [n.clip(n.shift(n.add(a, c), -3), -8, 7) for a, c in zip(words[:2], words[2:], strict=True)]

    made = netlist("tail", {"x": [Word(-400, 400)] * 2, "c": [Word(-32, 31)] * 2}, tail)
    kernel = dot([Word(-8, 7)] * 3, Word(-8, 7))
    op = MatVec(
        Ints(2 * weights(seed, 1, 6, 4)), 2, kernel, -400, 400, made, stored=(-8, 7),
        constants=Ints(8 * weights(seed + 1, 2, 2)),
    )  # fmt: skip
    y = b.apply(op, [x], shape=(4, 4), name="fc")
    last = replace(dense(b.type(y), weights(3, 1, 4, 2), 2), tail=None)
    return b.dataflow("writable", [b.apply(last, [y], shape=(4, 2), name="head")])


@pytest.mark.tool("g++")
def test_numbers_that_are_written_at_run_time_are_arguments_of_the_same_code(tmp_path: Path) -> None:
    made, other = (project(Buffer()(writable(seed)), "vitis") for seed in (1, 2))
    assert "#pragma HLS interface mode=ap_memory port=fc_thresholds" in made.files["writable.cpp"]
    assert "const writable_actors::fc_weight fc_weights[4]" in made.files["writable.h"]
    assert "head_weights" not in made.files["writable.h"]
    differ = {name for name in made.files if made.files[name] != other.files[name]}
    assert differ == {"writable_fc_weights.h", "writable_fc_thresholds.h", "writable_out.dat"}
    assert build_and_run([other], tmp_path, *FLAGS) == expected([other])
    with pytest.raises(ConfigError, match="written at run time"):
        project(Buffer()(writable(1)), "intel")


def test_loadable_weights_are_arguments_of_the_top_function() -> None:
    header = project(folded(), "vitis", loadable=True).files["folded.h"]
    assert "const folded_actors::fc1_weight fc1_weights[12]" in header
    assert "fc1_weights" not in project(folded(), "vitis").files["folded.h"]
    with pytest.raises(ConfigError, match="loadable weights"):
        project(folded(), "intel", loadable=True)
