"""The host link over SPI in a simulator: the Python host is the master of the RTL's wires."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.tools.test_host_link import NETWORK

from bitwright.backends import verilog
from bitwright.host import Fault, Identity, Kind, Link, Message, Replies, SpiPort, request
from bitwright.toolchain import Ports, Simulation, build, lint, run_bench
from bitwright.toolchain.spi_line import SpiLine

LIBRARY = Path(verilog.__file__).parent / "library"
LIMIT = 4000
TOP = f"""
module links(
    input wire clk, input wire freeze, input wire sclk, input wire cs_n, input wire mosi, output wire miso,
    output wire busy, output wire bad
);
    wire rst, n, a, b, l, c, d;
    wire [15:0] x;
    wire [39:0] y;
    bw_board_reset u_reset(.clk(clk), .locked(1'b1), .held(1'b0), .rst(rst));
    bw_spi_link #(.IN_BEATS(3), .IN_BYTES(2), .OUT_BEATS(1), .OUT_BYTES(5), .LIMIT({LIMIT}), .IDENTITY(64'hA55A)) link(
        .clk(clk), .rst(rst), .spi_sclk(sclk), .spi_cs_n(cs_n), .spi_mosi(mosi), .spi_miso(miso), .aresetn(n),
        .m_tvalid(a), .m_tready(b), .m_tdata(x), .m_tlast(l), .s_tvalid(c), .s_tready(d), .s_tdata(y), .busy(busy));
    network #(.IN_BEATS(3), .IN_BYTES(2), .OUT_BEATS(1), .OUT_BYTES(5)) network(
        .clk(clk), .resetn(n), .freeze(freeze), .s_valid(a), .s_ready(b), .s_data(x), .s_last(l), .m_valid(c),
        .m_ready(d), .m_data(y), .wrong_last(bad));
endmodule
"""
pytestmark = pytest.mark.tool("verilator", "g++", "make")


def library() -> list[Path]:
    return [*LIBRARY.glob("bw_spi*.v"), *LIBRARY.glob("bw_link*.v"),
            *(LIBRARY / f"{name}.v" for name in ("bw_crc16", "bw_memory", "bw_board_reset"))]  # fmt: skip


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulation]:
    folder = tmp_path_factory.mktemp("spi")
    (folder / "links.v").write_text(NETWORK + TOP)
    inputs = tuple((name, 1) for name in ("freeze", "sclk", "cs_n", "mosi"))
    outputs = tuple((name, 1) for name in ("miso", "busy", "bad"))
    with build([folder / "links.v", *library()], "links", Ports(inputs, outputs), folder) as simulation:
        yield simulation


def wires(built: Simulation, half: int = 5, freeze: int = 0) -> SpiLine:
    built.reset()
    found = SpiLine(built, half, prefix="", held={"freeze": freeze})
    found.idle(400)
    return found


def frames(count: int) -> list[bytes]:
    """Random ones behind those whose replies are made of the bytes that are sent in two."""
    special = [bytes(255 - byte for byte in row) for row in (b"\xa5\x5a\xa5\xa5\x5a\x00", b"\x5a\x5a\x25\xda\xa5\x5a")]
    rows = np.random.default_rng(0).integers(0, 256, (count, 6), dtype=np.uint8)
    return [*special, *(row.tobytes() for row in rows)]


def inverted(frame: bytes) -> bytes:
    return bytes(255 - byte for byte in frame[:5])


@pytest.mark.parametrize("half", [5, 6, 11])
def test_frames_come_back_through_the_wires_at_any_clock_up_to_a_tenth(built: Simulation, half: int) -> None:
    line = wires(built, half)
    link = Link(SpiPort(line.transfer, patience=200))
    assert link.identify() == Identity("000000000000a55a", 6, 5)
    for frame in frames(12):
        assert link.ask(Kind.FRAME, frame) == inverted(frame)
    assert link.resent == 0
    assert built.step()["bad"] == 0, "TLAST stood at another beat"


def test_a_clock_that_is_too_fast_is_not_taken_for_a_right_one(built: Simulation) -> None:
    """At two cycles a half, bytes come late: nothing that is wrong passes the CRC."""
    line = wires(built, 2)
    line.transfer(request(Message(Kind.FRAME, 1, frames(0)[0])))
    got = Replies().feed(SpiPort(line.transfer, patience=200).read(60))
    assert got in ([], [Message(Kind.FRAME, 1, inverted(frames(0)[0]))])


def test_a_transfer_that_ends_in_the_middle_of_a_byte_is_made_up_for(built: Simulation) -> None:
    line = wires(built)
    frame = frames(1)[-1]
    for bits in (3, 43, 90):
        line.transfer(request(Message(Kind.FRAME, 9, frame)), bits)
        line.idle(LIMIT + 10)
        port = SpiPort(line.transfer, patience=200)
        faults = {m.body[0] for m in Replies().feed(port.read(40)) if m.kind == Kind.ERROR}
        assert faults <= {Fault.SILENCE, Fault.CORRUPT}
        assert Link(port).ask(Kind.FRAME, frame) == inverted(frame)


def test_a_byte_that_was_fetched_waits_over_the_end_of_a_transfer(built: Simulation) -> None:
    """Byte by byte, each under a select of its own: none is lost, none comes twice."""
    line = wires(built)
    port = SpiPort(lambda data: b"".join(line.transfer(data[k : k + 1]) for k in range(len(data))), patience=200)
    for frame in frames(3):
        assert Link(port).ask(Kind.FRAME, frame) == inverted(frame)


def test_a_network_that_is_still_busy_sends_no_bytes_and_is_waited_for(built: Simulation) -> None:
    line = wires(built, freeze=1)
    frame = frames(1)[-1]
    port = SpiPort(line.transfer, patience=100)
    port.write(request(Message(Kind.FRAME, 4, frame)))
    assert port.read(1) == b""
    assert set(line.transfer(bytes(30))) == {0xA5}
    thawed = SpiLine(built, 5, prefix="", held={"freeze": 0})
    thawed.idle(20)
    assert Replies().feed(SpiPort(thawed.transfer).read(12)) == [Message(Kind.FRAME, 4, inverted(frame))]


def test_the_link_is_free_of_lint() -> None:
    assert [str(w) for w in lint(library(), "bw_spi_link") if w.code != "MULTITOP"] == []


BENCH = LIBRARY / "bench" / "bw_spi_link_bench.v"


@pytest.mark.tool("iverilog", "vvp")
def test_the_bench_passes_in_icarus_and_notices_a_byte_that_is_not_marked(tmp_path: Path) -> None:
    assert run_bench([BENCH, *library()], "bw_spi_link_bench", workdir=tmp_path) == "PASS 3 requests\n"
    broken = tmp_path / "bw_spi.v"
    broken.write_text((LIBRARY / "bw_spi.v").read_text().replace("tx_data ^ 8'h80", "tx_data"))
    sources = [BENCH, broken, *(p for p in library() if p.name != "bw_spi.v")]
    assert "FAIL request 2" in run_bench(sources, "bw_spi_link_bench", workdir=tmp_path)
