"""HLS C++ of engine programs equals the graph bit for bit: one function, instructions in a ROM."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.engine_graphs import GRAPHS, codes, grouped, residual, wide_head
from tests.generate_graphs import random_graph
from tests.stream_programs import codes as stream_codes
from tests.stream_programs import folded
from tests.tools.hls_programs import build_and_run, calls_of

from bitwright.backends.cpp.dialects import DIALECTS
from bitwright.backends.cpp.project import HlsFiles, Target
from bitwright.backends.cpp.streaming import engine_project, stream_project
from bitwright.core.errors import BitwrightError
from bitwright.ir.dataflow import run as run_streams
from bitwright.ir.engine import Engine, External, check
from bitwright.ir.graph import Graph, run
from bitwright.passes.engine import ScheduleEngine
from bitwright.passes.streaming import Recode
from bitwright.platforms import device

FRAMES = 3
FLAGS = ("-DBW_SIMULATION", "-Wall", "-Wextra", "-Werror", "-Wno-unknown-pragmas", "-Wno-unused-label")


def engine(graph: Graph, lanes: int, external: External | None = None, features: int = 0) -> Engine:
    return check(ScheduleEngine(device("xcvu9p"), 200.0, lanes, external, 60 if external else 0, features)(graph))


def project(
    graph: Graph, lanes: int, vendor: str, external: External | None = None, name: str = "", features: int = 0
) -> HlsFiles:  # fmt: skip
    given = codes(graph, FRAMES)
    program = engine(graph, lanes, external, features)
    return engine_project(program, Target(vendor), name=name, vectors=(given, run(graph, given)))


def expected(projects: list[HlsFiles]) -> str:
    return "".join(f"{p.top}: {FRAMES} vectors, 0 numbers differ\n" for p in projects)


@pytest.mark.tool("g++")
def test_an_engine_executes_layers_from_its_own_and_from_outside_memory(tmp_path: Path) -> None:
    projects = [project(residual(), 4, "catapult"), project(wide_head(), 4, "catapult", External(), "outside")]
    assert "FETCH" in projects[1].files["outside.cpp"]
    assert "weights[" in projects[1].files["outside.h"]
    # Words of several beats, and several words to a beat's burst: rows of maps lie apart as in the Verilog.
    for name, lanes, external in (("narrow", 8, External(8, 4, 2)), ("rows", 3, External(64, 16, 2))):
        projects.append(project(residual(), lanes, "catapult", external, name, {8: 104, 3: 408}[lanes]))
        assert "map_word maps[" in projects[-1].files[f"{name}.h"]
        assert {"SEND", "BRING", "LOAD"} <= set(re.findall("bw_engine::([A-Z]+)", projects[-1].files[f"{name}.cpp"]))
    assert build_and_run(projects, tmp_path, *FLAGS) == expected(projects)


@pytest.mark.tool("g++")
@pytest.mark.long
@pytest.mark.parametrize("vendor", DIALECTS)
@pytest.mark.parametrize("lanes", [1, 3, 8])
def test_engines_of_any_width_for_every_vendor(vendor: str, lanes: int, tmp_path: Path) -> None:
    projects = [project(make(), lanes, vendor) for make in GRAPHS]
    assert build_and_run(projects, tmp_path, *FLAGS) == expected(projects)


def some(first: int, vendor: str, count: int = 20) -> list[HlsFiles]:
    """Random graphs from seed `first` on that an engine takes, each with lanes of its own, every third with its weights
    outside.
    """
    found: list[HlsFiles] = []
    for seed in range(first, first + 1000):
        rng = random.Random(seed)
        drawn = random_graph(rng, nodes=6, name=f"engine{seed}")
        graph = Recode()(replace(drawn, outputs=drawn.outputs[:1]))
        try:
            program = engine(graph, rng.choice([1, 2, 3, 5, 8]), External(64, 4, 2) if seed % 3 == 0 else None)
        except BitwrightError:
            continue  # refused by name, which other tests look at
        given = codes(graph, FRAMES, seed)
        found.append(engine_project(program, Target(vendor), vectors=(given, run(graph, given))))
        if len(found) == count:
            return found
    raise AssertionError(f"{len(found)} programs of 1000 graphs")


@pytest.mark.tool("g++")
@pytest.mark.long
@pytest.mark.parametrize(("group", "vendor"), list(enumerate(DIALECTS)))
def test_a_hundred_random_programs_twenty_for_each_vendor(group: int, vendor: str, tmp_path: Path) -> None:
    projects = some(1000 * group, vendor)
    assert build_and_run(projects, tmp_path, *FLAGS) == expected(projects)


def test_the_program_is_a_rom_with_an_instruction_a_layer() -> None:
    graph = grouped()
    program, source = engine(graph, 4), project(graph, 4, "vitis").files["grouped.cpp"]
    for node in program.nodes:
        assert f"  // {node.name}\n" in source
    assert "#pragma HLS interface mode=axis port=s_axis" in source
    assert "mode=m_axi port=weights" in project(graph, 4, "vitis", External()).files["grouped.cpp"]


@pytest.mark.parametrize("make", [residual])
def test_the_same_program_gives_the_same_bytes(make: Callable[[], Graph]) -> None:
    assert project(make(), 4, "vitis").files == project(make(), 4, "vitis").files


CALLS = {
    "vitis": "open_project set_top add_files open_solution set_part create_clock csim_design csynth_design cosim_design"
    " export_design",
    "catapult": "solution go directive",
}


@pytest.mark.tool("tclsh")
@pytest.mark.parametrize("make", [folded, residual])
def test_the_scripts_of_streams_and_engines_ask_for_every_step(make: Callable[[], Any], tmp_path: Path) -> None:
    program = make()
    given = codes(program, 1) if isinstance(program, Graph) else stream_codes(program, 1)
    for vendor, commands in CALLS.items():
        if isinstance(program, Graph):
            files = engine_project(engine(program, 4), Target(vendor), vectors=(given, run(program, given))).files
        else:
            files = stream_project(program, Target(vendor), vectors=(given, run_streams(program, given))).files
        script = files["run_hls.tcl" if vendor == "vitis" else "run.tcl"]
        lines = calls_of(script, commands, tmp_path, "csim", "csynth", "cosim", "export")
        called = [line.split()[0].removesuffix("_design") for line in lines]
        if vendor == "vitis":
            assert called[-4:] == ["csim", "csynth", "cosim", "export"]
            assert f"set_top {program.name}" in lines
        else:
            assert lines[-1] == "go extract"
            assert called.count("directive") == 1 + (0 if isinstance(program, Graph) else len(program.edges()))
