"""HLS C++ equals the graph bit for bit: compiled with g++ and the vendors' integer types, run on its own bench."""

from __future__ import annotations

import random
import re
from pathlib import Path

import numpy as np
import pytest
from tests.generate_graphs import random_graph
from tests.tools.hls_programs import build_and_run, calls_of

from bitwright.backends.cpp import unrolled as cpp_unrolled
from bitwright.backends.cpp.dialects import DIALECTS
from bitwright.backends.cpp.project import HlsFiles, Target, folded_project, parallel_project
from bitwright.core.origin import Origin
from bitwright.flow.matrix import compile_matrix
from bitwright.flow.vectors import random_codes
from bitwright.ir.graph import ops as graph_ops
from bitwright.ir.graph import run
from bitwright.ir.netlist import Netlist, NetlistBuilder, Port, ops
from bitwright.ir.netlist import run as run_netlist
from bitwright.numeric import Steps
from bitwright.passes import Share, Synthesize
from bitwright.passes.recipe import unrolled
from bitwright.platforms import device

FABRICS = ("lfe5u-25", "xcvu9p")


def netlist(seed: int) -> Netlist:
    chip = device(FABRICS[seed % 2])
    graph = random_graph(random.Random(seed), nodes=12, wide=seed % 5 == 0)
    return unrolled(graph, Synthesize(Share(-1, chip.fabric.adder_operands), fabric=chip.fabric))


def project(seed: int, vendor: str) -> HlsFiles:
    graph = random_graph(random.Random(seed), nodes=12, wide=seed % 5 == 0)
    codes = random_codes(graph, 30, seed)
    name = f"net{seed}_{vendor}"
    return parallel_project(netlist(seed), Target(vendor), name=name, vectors=(codes, run(graph, codes)))


def folded(seed: int, vendor: str, reuse: int) -> HlsFiles:
    graph = random_graph(random.Random(seed), nodes=12, wide=seed % 5 == 0)
    codes = random_codes(graph, 30, seed)
    name = f"net{seed}_{vendor}"
    return folded_project(graph, Target(vendor), reuse=reuse, name=name, vectors=(codes, run(graph, codes)))


def expected(projects: list[HlsFiles]) -> str:
    return "".join(f"{p.top}: 30 vectors, 0 numbers differ\n" for p in projects)


SEEDS = (31, 39)
GRAPH_SEEDS = (0, 18, 108)


def every_operator() -> Netlist:
    """A netlist with every operator, over a signed and an unsigned word."""
    builder = NetlistBuilder()
    port = builder.input_port("x", (2,), [ops.Word(-8, 7), ops.Word(0, 12)], Steps.of(1))
    a, b = port.words
    builder.at(Origin("mixed"))
    total = builder.sum([(a, 2, 1), (b, 0, -1), (a, 0, 1)], 5)
    words = [
        *(builder.add(a, b, 1, 0), builder.subtract(b, a, 0, 2), total, builder.negate(b)),
        *(builder.shift(a, 3), builder.shift(a, -2), builder.bits(a, 1, 6), builder.clip(total, -9, 11)),
        *(builder.at_least(a, b), builder.mux(builder.at_least(b, a), a, b), builder.multiply(a, b)),
        *(builder.table(a, -8, [k * k - 9 for k in range(16)]), builder.constant(-3)),
        *(builder.clip(b, 3, 9), builder.shift(b, -9), builder.word(ops.Register(), a), builder.bits(b, 1, 3)),
    ]
    return builder.finish("every", [port], [Port("y", (len(words),), tuple(words), Steps.of(1))])


@pytest.mark.tool("g++")
@pytest.mark.parametrize("vendor", ["vitis", "catapult"])
def test_every_operator_of_a_netlist_gives_its_integers(vendor: str, tmp_path: Path) -> None:
    program = every_operator()
    assert {type(n.op).__name__ for n in program.nodes} == set(ops.__all__) - {"Word", "WordOp", "is_join"}
    x = np.array([(a, b) for a in range(-8, 8) for b in range(13)])
    made = parallel_project(program, Target(vendor), vectors=([x], run_netlist(program, [x])))
    flags = ("-Wall", "-Wextra", "-Werror", "-Wno-unknown-pragmas", "-Wno-unused-label")
    assert build_and_run([made], tmp_path, *flags) == "every: 208 vectors, 0 numbers differ\n"


def test_the_folded_networks_hold_every_operator_of_a_graph() -> None:
    graphs = [random_graph(random.Random(seed), nodes=12, wide=seed % 5 == 0) for seed in GRAPH_SEEDS]
    live = [n for graph in graphs for n, alive in zip(graph.nodes, graph.live(), strict=True) if alive]
    assert {type(node.op).__name__ for node in live} >= set(graph_ops.__all__) - {"GraphOp", "Writable"}


@pytest.mark.tool("g++")
def test_unrolled_networks_give_the_graphs_integers(tmp_path: Path) -> None:
    projects = [project(seed, "catapult") for seed in SEEDS]
    assert build_and_run(projects, tmp_path) == expected(projects)


@pytest.mark.tool("g++")
def test_long_functions_are_cut_into_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpp_unrolled, "_LONGEST", 3)
    made = project(SEEDS[0], "catapult")
    [source] = [text for path, text in made.files.items() if path.endswith(f"{made.top}.cpp")]
    bodies = [body.partition("_t out;")[0] for body in source.split("/// Layer ")[1:]]
    assert max(body.count("  const ") for body in bodies) == 3
    assert "(part 2)." in source
    assert build_and_run([made], tmp_path) == expected([made])


@pytest.mark.tool("g++")
@pytest.mark.long
@pytest.mark.parametrize("vendor", DIALECTS)
@pytest.mark.parametrize("first", range(100, 200, 20))
def test_a_hundred_unrolled_networks_for_every_vendor(vendor: str, first: int, tmp_path: Path) -> None:
    projects = [project(seed, vendor) for seed in range(first, first + 20)]
    assert build_and_run(projects, tmp_path) == expected(projects)


@pytest.mark.tool("g++")
@pytest.mark.parametrize(("vendor", "reuse", "count"), [("vitis", 1, 1), ("catapult", 6, 3)])
def test_folded_networks_give_the_graphs_integers(vendor: str, reuse: int, count: int, tmp_path: Path) -> None:
    projects = [folded(seed, vendor, reuse) for seed in GRAPH_SEEDS[:count]]
    assert build_and_run(projects, tmp_path) == expected(projects)


@pytest.mark.tool("g++")
@pytest.mark.long
@pytest.mark.parametrize("vendor", DIALECTS)
@pytest.mark.parametrize(("first", "reuse"), [(100, 1), (120, 2), (140, 4), (160, 12), (180, 1000)])
def test_a_hundred_folded_networks_for_every_vendor(vendor: str, first: int, reuse: int, tmp_path: Path) -> None:
    projects = [folded(seed, vendor, reuse) for seed in range(first, first + 20)]
    assert build_and_run(projects, tmp_path) == expected(projects)


@pytest.mark.tool("g++")
def test_a_bench_sees_a_wrong_answer(tmp_path: Path) -> None:
    made = project(31, "catapult")
    data = made.files[f"{made.top}_out.dat"].split("\n")
    data[3] = re.sub(r"-?\d+$", lambda m: str(int(m.group()) ^ 1), data[3])
    made.files[f"{made.top}_out.dat"] = "\n".join(data)
    assert build_and_run([made], tmp_path) == f"{made.top}: 30 vectors, 1 numbers differ\n"


def test_a_design_writes_its_project(tmp_path: Path) -> None:
    design = compile_matrix([[3, -5], [7, 1]], input_format="s4.0", name="two by two", device="xc7a35t")
    folder = design.write(tmp_path / "out", vectors=3, hls="vitis") / "hls"
    script = (folder / "run_hls.tcl").read_text()
    assert 'set part "xc7a35t"' in script
    assert f"create_clock -period {1000 / design.clock_mhz:.4g}" in script
    assert len((folder / "two_by_two_in.dat").read_text().splitlines()) == 3


@pytest.mark.tool("tclsh")
@pytest.mark.parametrize(("words", "steps"), [("", "csim csynth"), ("-tclargs csynth export", "csynth export")])
def test_the_vitis_script_asks_for_the_steps_that_are_named(words: str, steps: str, tmp_path: Path) -> None:
    script = project(31, "vitis").files["run_hls.tcl"]
    calls = "open_project set_top add_files open_solution set_part create_clock"
    designs = "csim_design csynth_design cosim_design export_design"
    lines = calls_of(script, f"{calls} {designs}", tmp_path, *words.split())
    called = [line.split()[0] for line in lines]
    assert called[:3] == ["open_project", "set_top", "add_files"]
    assert " ".join(c.removesuffix("_design") for c in called if c in designs.split()) == steps
