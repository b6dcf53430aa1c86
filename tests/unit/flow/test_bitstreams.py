"""Bitstreams as a recipe: what the tools are given, what is refused, what is written; the tools are a fake."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bitwright.core.errors import ConfigError, InvalidValue, Unsupported
from bitwright.core.files import sha256
from bitwright.core.origin import Origin
from bitwright.flow import bitstreams, compiling
from bitwright.flow.bitstreams import build_bitstream, build_model, open_boards
from bitwright.flow.design import Design
from bitwright.flow.engines import EngineDesign
from bitwright.flow.layered import layer_of, layer_times
from bitwright.flow.options import Options
from bitwright.flow.streamed import StreamDesign
from bitwright.host import Layout
from bitwright.ir.graph import Graph, GraphBuilder, TensorType
from bitwright.ir.graph.ops import Dense
from bitwright.ir.interface import Decoder, Head, RoundEncoder
from bitwright.numeric import Ints, Steps
from bitwright.platforms import board
from bitwright.toolchain import Counts
from bitwright.toolchain.implement import Implementation
from bitwright.toolchain.timing import ClockTiming, Step, Timing

STEPS = (
    Step(0.5, "clk-to-q", "u_link.u_link.u_requests.beat_Q"),
    Step(1.5, "routing", "network.u_pipeline.u_block_fc1.a"),
    Step(2.0, "logic", "network.u_pipeline.block_fc1_w0_LUT4_Z"),
    Step(1.0, "setup", "network.u_handshake.m_tdata"),
)


def graph(inputs: int = 1) -> Graph:
    """One matrix on three elements, or a sum of two of them on inputs of their own."""
    builder = GraphBuilder()
    of = TensorType((3,), Ints(-8), Ints(7), Steps.of("1/4"))
    dense = Dense(Ints(np.array([[1, -2], [3, 0], [-1, 1]])), Ints(np.array([1, -5])))
    x = builder.input(of, "x")
    y = builder.apply(dense, [x], step=Steps.of("1/4"), origin=Origin("block/fc1"))
    outs = [y]
    for number in range(1, inputs):
        outs.append(builder.apply(dense, [builder.input(of, f"x{number}")], step=Steps.of("1/4"), origin=Origin("fc2")))
    return builder.graph("net", outs)


def design(kind: type[Any] = Design, inputs: int = 1, **told: Any) -> Any:
    made = graph(inputs)
    options = Options(**{"device": "ice40up5k", "clock_mhz": 24.0, **told})
    encoders = tuple(RoundEncoder(k, made.inputs[k].type.step.uniform, -8, 7) for k in range(inputs))
    decoders = (Decoder(Steps.of("1/4"), Head.NONE),) * inputs
    return kind("net", options, made, made, encoders, decoders)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the tools were asked for; they reach 30 MHz."""
    seen: list[dict[str, Any]] = []

    def implement(sources: Any, top: str, pins: str, **told: Any) -> Implementation:
        texts = {path.name: path.read_text() for path in sources}
        seen.append({"top": top, "pins": pins, "sources": texts, **told})
        clock = ClockTiming("clk", told["clock_mhz"], 30.0, STEPS)
        return Implementation(
            top=top, device=told["device"], suffix="bin", bitstream=b"bits", routed="{}", counts=Counts(luts=5, ffs=6),
            timing=Timing((clock,), {"LC": (9, 10)}), seed=2, seeds=(1, 2), script="synth\n", commands=("yosys",),
            versions={"yosys": "0.23"}, seconds=1.0,
        )  # fmt: skip

    monkeypatch.setattr(bitstreams, "implement", implement)
    return seen


def test_the_tools_get_the_network_the_link_the_top_and_the_pins(asked: list[dict[str, Any]], tmp_path: Path) -> None:
    made = build_bitstream(design(), "icebreaker", tmp_path, vectors=0, seeds=(1, 2))
    (told,) = asked
    assert told["top"] == "net_axis_board"
    assert (told["device"], told["clock_mhz"], tuple(told["seeds"])) == ("ice40up5k", 24.0, (1, 2))
    assert "set_io uart_rx 6" in told["pins"] or "uart_rx 6" in told["pins"]
    assert {"net_axis_board.v", "net_axis.v", "net_core.v", "bw_axis.v", "bw_uart_link.v"} <= set(told["sources"])
    assert "pins.pcf" not in told["sources"]
    assert made.name == "net.bin"
    assert f"64'h{made.layout.identity.lstrip('0')}" in told["sources"]["net_axis_board.v"]


def test_what_is_written_is_hashed_and_the_host_can_read_it(asked: list[dict[str, Any]], tmp_path: Path) -> None:
    made = build_bitstream(design(), "icebreaker", tmp_path, vectors=0)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    files = {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()}
    assert files == {"manifest.json", *manifest["files"]}
    assert all(sha256((tmp_path / name).read_bytes()) == digest for name, digest in manifest["files"].items())
    assert (tmp_path / "net.bin").read_bytes() == b"bits"
    assert Layout.read(tmp_path) == made.layout
    assert manifest["clock"] == {"fmax_mhz": 30.0, "met": True, "mhz": 24.0, "oscillator_mhz": 12.0}
    assert manifest["critical_path"] == [["host link", 0.5], ["block/fc1", 3.5], ["network", 1.0]]
    assert (manifest["seed"], manifest["seeds"], manifest["versions"]["yosys"]) == (2, [1, 2], "0.23")
    assert "asked" not in made.headline()
    assert "slowest path: host link 0.5 ns, block/fc1 3.5 ns" in made.headline()


def test_two_builds_write_the_same_and_another_network_has_another_identity(
    asked: list[dict[str, Any]], tmp_path: Path
) -> None:
    first, second = (build_bitstream(design(), "icebreaker", tmp_path / n, vectors=0) for n in "ab")
    for name in ("manifest.json", "layout.json", "rtl/net_axis_board.v"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    other = build_bitstream(design(latency_cycles=3), "icebreaker", vectors=0)
    assert first.layout.identity == second.layout.identity != other.layout.identity


def test_the_layout_of_a_parallel_design_is_one_beat_of_whole_buses(asked: list[dict[str, Any]]) -> None:
    layout = build_bitstream(design(), "icebreaker", vectors=0).layout
    (x,), (y,) = layout.inputs, layout.outputs
    assert (x.name, x.shape, x.beats, x.widths, x.step) == ("x", (3,), 1, (4, 4, 4), "1/4")
    assert (layout.frame_bytes, y.shape) == (2, (2,))
    assert layout.pack([np.array([[-1, 2, 3]])]) == [bytes((0x2F, 0x03))]


def test_the_layout_of_a_streaming_design_has_the_words_of_its_stream(asked: list[dict[str, Any]]) -> None:
    made = build_bitstream(design(StreamDesign, architecture="dataflow"), "icebreaker", vectors=0)
    (told,) = asked
    (x,) = made.layout.inputs
    assert x.beats * len(x.low) == 3
    assert told["top"] == "net_board"
    assert f".IN_BEATS({x.beats})" in told["sources"]["net_board.v"]
    assert f".IN_BYTES({x.beat_bytes})" in told["sources"]["net_board.v"]


def test_several_streams_are_refused_and_several_buses_are_not(asked: list[dict[str, Any]]) -> None:
    with pytest.raises(Unsupported, match="2 streams in and 2 out"):
        build_bitstream(design(StreamDesign, 2, architecture="dataflow"), "icebreaker", vectors=0)
    layout = build_bitstream(design(inputs=2), "icebreaker", vectors=0).layout
    assert [p.name for p in layout.inputs] == ["x", "x1"]
    assert layout.frame_bytes == 4


def test_an_engine_goes_on_a_board_unless_its_weights_lie_outside(asked: list[dict[str, Any]]) -> None:
    told: dict[str, Any] = {"architecture": "engine", "engine_lanes": 2}
    made = build_bitstream(design(EngineDesign, **told), "icebreaker", vectors=0)
    assert (made.layout.inputs[0].beats, made.layout.outputs[0].beats) == (3, 1)
    assert {"bw_engine.v", "net.v", "net_board.v"} <= set(asked[0]["sources"])
    with pytest.raises(Unsupported, match="weights outside") as caught:
        build_bitstream(design(EngineDesign, engine_memory={}, **told), "icebreaker", vectors=0)
    assert "compile it without" in caught.value.remedy


def test_a_clock_that_is_missed_is_an_error_with_the_path_and_a_clock_that_is_met(asked: list[dict[str, Any]]) -> None:
    with pytest.raises(InvalidValue, match=r"reaches 30\.0 of 48\.0 MHz \(seed 1, 2\)") as caught:
        build_bitstream(design(clock_mhz=48.0), "icebreaker", vectors=0)
    assert "block/fc1 3.5 ns" in caught.value.why
    assert "clock_mhz=28" in caught.value.remedy
    assert build_bitstream(design(clock_mhz=48.0), "icebreaker", vectors=0, clock_may_miss=True).fmax_mhz == 30.0
    made = build_bitstream(design(clock_mhz=48.0), "icebreaker", vectors=0, clock_mhz=24.0)
    assert (made.top.clock_mhz, asked[-1]["clock_mhz"]) == (24, 24.0)


def test_a_model_is_compiled_for_a_quarter_more_than_the_clock_of_its_bitstream(
    asked: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled: list[dict[str, Any]] = []

    def compile_model(model: Any, **told: Any) -> Any:
        compiled.append(told)
        return design(clock_mhz=told["clock_mhz"])

    monkeypatch.setattr(compiling, "compile_model", compile_model)
    assert build_model("net.keras", "icebreaker", vectors=0).top.clock_mhz == 24
    assert build_model("net.keras", "icebreaker", options={"clock_mhz": 18, "seed": 3}, vectors=0).top.clock_mhz == 18
    assert compiled == [
        {"device": "ice40up5k", "clock_mhz": 30.0}, {"device": "ice40up5k", "clock_mhz": 22.5, "seed": 3},
    ]  # fmt: skip


def test_a_device_that_is_not_the_boards_is_refused_before_anything_is_compiled(
    asked: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiling, "compile_model", lambda model, **told: design(clock_mhz=told["clock_mhz"]))
    with pytest.raises(ConfigError, match="'xcvu9p' with board icebreaker, which has ice40up5k") as caught:
        build_model("net.keras", "icebreaker", options={"device": "xcvu9p"}, vectors=0)
    assert "leave `device` out" in caught.value.remedy
    assert asked == []
    build_model("net.keras", "icebreaker", options={"device": "ice40up5k"}, vectors=0)


def test_the_link_can_be_spi(asked: list[dict[str, Any]], tmp_path: Path) -> None:
    made = build_bitstream(design(), "icebreaker", tmp_path, link="spi", vectors=0)
    (told,) = asked
    assert (made.layout.link, made.layout.baud, made.top.divisor) == ("spi", 2_400_000, 10)
    assert {"bw_spi.v", "bw_spi_link.v"} <= set(told["sources"])
    assert "spi_sclk 45" in told["pins"]
    assert "uart" not in told["pins"] + told["sources"]["net_axis_board.v"]
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["link"] == {"kind": "spi", "baud": 2_400_000, "cycles_a_bit": 10}
    with pytest.raises(ConfigError, match="no pins are chosen for SPI"):
        build_bitstream(design(device="ice40hx8k"), "ice40hx8k-b", link="spi", vectors=0)


def test_a_design_for_another_device_and_a_board_without_pins_are_refused(asked: list[dict[str, Any]]) -> None:
    with pytest.raises(ConfigError, match="compiled for xcvu9p, and ulx3s has lfe5u-85") as caught:
        build_bitstream(design(device="xcvu9p"), "ulx3s")
    assert "device='lfe5u-85'" in caught.value.remedy
    with pytest.raises(ConfigError, match="no pins are known of 'zcu104'") as caught:
        build_bitstream(design(), "zcu104")
    assert "icebreaker" in caught.value.remedy
    assert asked == []


def test_open_boards_are_those_with_pins_and_their_chips_have_open_tools() -> None:
    assert set(open_boards()) == {
        "colorlight-i5", "ice40hx8k-b", "icebreaker", "tangnano20k", "tangnano9k", "ulx3s",
    }  # fmt: skip


def test_the_rate_of_the_line_can_be_chosen(asked: list[dict[str, Any]]) -> None:
    made = build_bitstream(design(), replace(board("icebreaker"), name="mine"), baud=115_200, vectors=0)
    assert (made.layout.baud, made.top.divisor) == (115_200, 208)


@pytest.mark.parametrize(
    ("cell", "layer"),
    [
        ("network.u_pipeline.u_block_fc1.sum_LUT4_Z", "block/fc1"),
        ("network.u_pipeline.block_fc1_3_CCU2C_S0$CCU2_COMB0", "block/fc1"),
        ("network.u_pipeline.u_block_fc12.q", "network"),
        ("network.u_pipeline.u_fc2_2.x", "fc2"),
        ("network.u_handshake.m_tvalid", "network"),
        ("u_link.u_link.u_replies.crc", "host link"),
        ("u_reset.count_DFF", "reset"),
        ("$abc$123", "network"),
    ],
)
def test_a_cell_belongs_to_the_layer_in_its_name(cell: str, layer: str) -> None:
    assert layer_of(design(inputs=2))(cell) == layer


def test_delays_of_one_layer_behind_each_other_are_one_entry() -> None:
    assert layer_times(design(), STEPS[:2] + STEPS[1:2]) == (("host link", 0.5), ("block/fc1", 3.0))
