"""Real bitstreams of small networks: yosys, nextpnr and packer of each family, layouts simulated through their pins.

`build_bitstream` raises where a golden frame comes back wrong; what is asserted here is that frames were compared.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bitwright.core.errors import InvalidValue
from bitwright.core.origin import Origin
from bitwright.flow.bitstreams import Bitstream, build_bitstream
from bitwright.flow.design import Design
from bitwright.flow.engines import EngineDesign
from bitwright.flow.options import Options
from bitwright.flow.streamed import StreamDesign
from bitwright.ir.graph import GraphBuilder, TensorType
from bitwright.ir.graph.ops import Dense
from bitwright.ir.interface import Decoder, Head, RoundEncoder
from bitwright.numeric import Ints, Steps
from bitwright.platforms import board

pytestmark = [pytest.mark.long, pytest.mark.tool("yosys", "verilator", "g++", "make")]
ROUTERS = {"ulx3s": "nextpnr-ecp5", "icebreaker": "nextpnr-ice40", "tangnano9k": "nextpnr-himbaechel-gowin"}


def made(kind: type[Any], name: str, inputs: int = 6, units: int = 4, rows: int = 0, **told: Any) -> Any:
    """A design of one dense layer (on each of `rows`) for a board, at the board's clock and a quarter."""
    random = np.random.default_rng(1)
    builder = GraphBuilder()
    x = builder.input(TensorType((rows, inputs) if rows else (inputs,), Ints(-8), Ints(7), Steps.of(1)), "x")
    dense = Dense(Ints(random.integers(-7, 8, (inputs, units))), Ints(random.integers(-9, 9, units)))
    graph = builder.graph("net", [builder.apply(dense, [x], step=Steps.of(1), origin=Origin("fc1"))])
    chosen = board(name)
    options = Options(device=chosen.device.name, clock_mhz=1.25 * chosen.clock_mhz, effort=0, **told)
    doors = (RoundEncoder(0, Steps.of(1).uniform, -8, 7),), (Decoder(Steps.of(1), Head.NONE),)
    return kind("net", options, graph, graph, *doors)


def compared(found: Bitstream) -> list[tuple[int, int]]:
    return [(row.vectors, row.differences) for row in found.compared]


@pytest.mark.tool(*ROUTERS.values())
@pytest.mark.parametrize("name", ROUTERS)
def test_a_parallel_network_comes_back_right_through_the_pins_of_its_layout(name: str, tmp_path: Path) -> None:
    chosen = board(name)
    found = build_bitstream(made(Design, name), chosen, tmp_path, clock_mhz=chosen.clock_mhz, vectors=8)
    assert compared(found) == [(8, 0)]
    assert found.implementation.timing.met
    assert {layer for layer, _ in found.critical_layers} <= {"fc1", "host link", "network", "reset"}
    assert (tmp_path / found.name).stat().st_size > 10_000
    assert json.loads((tmp_path / "manifest.json").read_text())["clock"]["met"]


@pytest.mark.tool("nextpnr-ice40", "nextpnr-ecp5")
@pytest.mark.parametrize(("name", "link"), [("icebreaker", "spi"), ("ulx3s", "uart")])
def test_a_frame_of_several_words_waits_in_memory_and_comes_back_right(name: str, link: str) -> None:
    design = made(StreamDesign, name, inputs=3, units=2, rows=6, architecture="dataflow")
    found = build_bitstream(design, name, link=link, clock_mhz=board(name).clock_mhz, vectors=6)
    assert found.layout.inputs[0].beats == 6
    assert compared(found) == [(6, 0)]


@pytest.mark.tool("nextpnr-ecp5")
def test_an_engine_comes_back_right_through_the_pins_of_its_layout() -> None:
    design = made(EngineDesign, "ulx3s", architecture="engine", engine_lanes=2)
    found = build_bitstream(design, "ulx3s", clock_mhz=50, vectors=6)
    assert compared(found) == [(6, 0)]
    assert found.implementation.counts.dsps == 4


@pytest.mark.tool("nextpnr-ice40")
def test_an_engine_that_is_too_large_is_told_what_there_is_too_much_of() -> None:
    design = made(EngineDesign, "icebreaker", architecture="engine", engine_lanes=8)
    with pytest.raises(InvalidValue, match=r"of (5,280|8)\b") as caught:
        build_bitstream(design, "icebreaker", clock_mhz=12)
    assert "a board with a larger chip" in caught.value.remedy


@pytest.mark.tool("nextpnr-ice40")
def test_two_builds_are_the_same_to_the_byte(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        build_bitstream(made(Design, "icebreaker"), "icebreaker", tmp_path / folder, clock_mhz=24, vectors=0)
    names = sorted(str(p.relative_to(tmp_path / "a")) for p in (tmp_path / "a").rglob("*") if p.is_file())
    assert {"net.bin", "manifest.json", "layout.json"} <= set(names)
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name


@pytest.mark.tool("nextpnr-ice40")
def test_a_network_that_is_too_large_is_told_what_there_is_too_much_of() -> None:
    with pytest.raises(InvalidValue, match=r"takes .* LUTs of 5,280") as caught:
        build_bitstream(made(Design, "icebreaker", inputs=48, units=48), "icebreaker", clock_mhz=24)
    assert "architecture='dataflow'" in caught.value.remedy
