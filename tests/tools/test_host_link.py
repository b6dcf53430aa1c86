"""The host link in a simulator: bytes of the Python host on the pin of the RTL, and what comes back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from bitwright.backends import verilog
from bitwright.core.errors import ToolFailed
from bitwright.host import Fault, Identity, Kind, Link, Message, Replies, request
from bitwright.toolchain import Ports, Simulation, build, lint, run_bench
from bitwright.toolchain.serial_line import SerialLine

LIBRARY = Path(verilog.__file__).parent / "library"
DIVISOR, LIMIT = 8, 4000
SHAPES = ((1, 1, 1, 1), (3, 2, 1, 5), (1, 4, 2, 3))
"""Beats and bytes of a frame, beats and bytes of its result: all through memories, and without one."""

# A network that gives the bytes of its frame inverted, as often over as the result needs; it stops while `freeze`.
NETWORK = """
module network #(
    parameter IN_BEATS = 1, parameter IN_BYTES = 1, parameter OUT_BEATS = 1, parameter OUT_BYTES = 1
) (
    input wire clk, input wire resetn, input wire freeze,
    input wire s_valid, output wire s_ready, input wire [8*IN_BYTES-1:0] s_data, input wire s_last,
    output wire m_valid, input wire m_ready, output wire [8*OUT_BYTES-1:0] m_data, output reg wrong_last
);
    localparam FRAME = IN_BEATS * IN_BYTES;
    localparam RESULT = OUT_BEATS * OUT_BYTES;
    reg [8*FRAME-1:0] held;
    integer taken, given;
    wire [8*(RESULT+FRAME)-1:0] all = {(RESULT / FRAME + 1){~held}};
    assign s_ready = (taken < IN_BEATS) & ~freeze;
    assign m_valid = (taken == IN_BEATS) & ~freeze;
    assign m_data = all[8*OUT_BYTES*given +: 8*OUT_BYTES];
    always @(posedge clk) begin
        if (~resetn) begin
            taken <= 0;
            given <= 0;
            wrong_last <= 0;
        end else if (s_valid & s_ready) begin
            held <= IN_BEATS == 1 ? s_data : {s_data, held} >> 8 * IN_BYTES;
            taken <= taken + 1;
            if (s_last != (taken == IN_BEATS - 1)) wrong_last <= 1;
        end else if (m_valid & m_ready) begin
            given <= given == OUT_BEATS - 1 ? 0 : given + 1;
            if (given == OUT_BEATS - 1) taken <= 0;
        end
    end
endmodule
"""


def joined() -> str:
    """A link and its network for each shape, with pins of their own, and a reset of the board."""
    pins = "".join(f", input wire rx{k}, output wire tx{k}, output wire busy{k}, output wire bad{k}" for k in range(3))
    lines = [f"module links(input wire clk, input wire freeze{pins});", "wire rst;"]
    lines.append("bw_board_reset u_reset(.clk(clk), .locked(1'b1), .held(1'b0), .rst(rst));")
    for k, sizes in enumerate(SHAPES):
        named = zip(("IN_BEATS", "IN_BYTES", "OUT_BEATS", "OUT_BYTES"), sizes, strict=True)
        given = ", ".join(f".{name}({size})" for name, size in named)
        lines.append(
            f"wire n{k}, a{k}, b{k}, l{k}, c{k}, d{k};\n"
            f"wire [{8 * sizes[1] - 1}:0] x{k}; wire [{8 * sizes[3] - 1}:0] y{k};\n"
            f"bw_uart_link #({given}, .DIVISOR({DIVISOR}), .LIMIT({LIMIT}), .IDENTITY(64'h{k + 1})) link{k}("
            f".clk(clk), .rst(rst), .uart_rx(rx{k}), .uart_tx(tx{k}), .aresetn(n{k}), .m_tvalid(a{k}), .m_tready(b{k}),"
            f" .m_tdata(x{k}), .m_tlast(l{k}), .s_tvalid(c{k}), .s_tready(d{k}), .s_tdata(y{k}), .busy(busy{k}));\n"
            f"network #({given}) network{k}(.clk(clk), .resetn(n{k}), .freeze(freeze), .s_valid(a{k}), .s_ready(b{k}),"
            f" .s_data(x{k}), .s_last(l{k}), .m_valid(c{k}), .m_ready(d{k}), .m_data(y{k}), .wrong_last(bad{k}));"
        )
    return "\n".join([NETWORK, *lines, "endmodule", ""])


def library() -> list[Path]:
    return [*LIBRARY.glob("bw_uart_*.v"), *LIBRARY.glob("bw_link*.v"),
            *(LIBRARY / f"{name}.v" for name in ("bw_crc16", "bw_memory", "bw_board_reset"))]  # fmt: skip


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulation]:
    folder = tmp_path_factory.mktemp("link")
    (folder / "links.v").write_text(joined())
    inputs = (("freeze", 1), *((f"rx{k}", 1) for k in range(3)))
    outputs = tuple((f"{name}{k}", 1) for k in range(3) for name in ("tx", "busy", "bad"))
    with build([folder / "links.v", *library()], "links", Ports(inputs, outputs), folder) as simulation:
        yield simulation


def line(built: Simulation, shape: int, **held: int) -> SerialLine:
    """A fresh line to one of the links, with the others at rest."""
    built.reset()
    rest = {f"rx{k}": 1 for k in range(3) if k != shape}
    found = SerialLine(
        built, DIVISOR, rx=f"rx{shape}", tx=f"tx{shape}", patience=2 * LIMIT, held={"freeze": 0, **rest, **held}
    )
    found.idle(400)
    return found


def frames(shape: int, count: int, seed: int = 0) -> list[bytes]:
    beats, size, _, _ = SHAPES[shape]
    rows = np.random.default_rng(seed).integers(0, 256, (count, beats * size), dtype=np.uint8)
    return [row.tobytes() for row in rows]


def inverted(shape: int, frame: bytes) -> bytes:
    _, _, beats, size = SHAPES[shape]
    return bytes(255 - frame[k % len(frame)] for k in range(beats * size))


def replies(found: SerialLine) -> list[Message]:
    """Everything that comes until the line falls silent."""
    return Replies().feed(found.read(10_000))


pytestmark = pytest.mark.tool("verilator", "g++", "make")


@pytest.mark.parametrize("shape", range(3))
def test_frames_come_back_through_the_line(built: Simulation, shape: int) -> None:
    found = line(built, shape)
    link = Link(found)
    told = link.identify()
    beats, size, out_beats, out_size = SHAPES[shape]
    assert told == Identity(f"{shape + 1:016x}", beats * size, out_beats * out_size)
    for frame in frames(shape, 12):
        assert link.ask(Kind.FRAME, frame) == inverted(shape, frame)
    assert (link.resent, found.framing_errors) == (0, 0)
    assert built.step()[f"bad{shape}"] == 0, "TLAST stood at another beat"


@pytest.mark.parametrize("shape", [1, 2])
def test_a_request_with_a_bit_fallen_over_never_gives_a_result(built: Simulation, shape: int) -> None:
    (frame,) = frames(shape, 1)
    whole = request(Message(Kind.FRAME, 5, frame))
    found = line(built, shape)
    for bit in range(shape, 8 * len(whole), 3):
        spoiled = bytearray(whole)
        spoiled[bit // 8] ^= 1 << bit % 8
        found.write(bytes(spoiled))
        answers = replies(found)
        assert all(m.kind == Kind.ERROR for m in answers), bit
        # Without its first byte it is no request, and any other error is answered.
        assert (not answers) == (bit < 8), bit
    assert Link(found).ask(Kind.FRAME, frame) == inverted(shape, frame)


def test_every_fault_has_its_code_and_leaves_the_link_ready(built: Simulation) -> None:
    (frame,) = frames(1, 1)
    found = line(built, 1)
    cases = [
        (Message(Kind.FRAME, 1, frame + b"x"), Fault.LENGTH),
        (Message(Kind.FRAME, 2, frame[:-1]), Fault.LENGTH),
        (Message(Kind.WHO, 3, b"x"), Fault.LENGTH),
        (Message(0x55, 4, frame), Fault.UNKNOWN),
    ]
    for message, fault in cases:
        found.write(request(message))
        assert replies(found) == [Message(Kind.ERROR, message.number, bytes((fault,)))]
    found.write(request(Message(Kind.FRAME, 6, frame))[:-1])
    assert replies(found) == [Message(Kind.ERROR, 6, bytes((Fault.SILENCE,)))]
    assert Link(found).ask(Kind.FRAME, frame) == inverted(1, frame)


@pytest.mark.parametrize("shape", range(3))
def test_a_frame_on_top_of_another_is_refused_and_the_first_goes_on(built: Simulation, shape: int) -> None:
    first, second = frames(shape, 2)
    found = line(built, shape, freeze=1)
    found.write(request(Message(Kind.FRAME, 1, first)))
    found.write(request(Message(Kind.FRAME, 2, second)))
    assert replies(found) == [Message(Kind.ERROR, 2, bytes((Fault.BUSY,)))]
    assert built.step({f"rx{shape}": 1})[f"busy{shape}"] == 1
    thawed = SerialLine(
        built, DIVISOR, rx=f"rx{shape}", tx=f"tx{shape}", patience=LIMIT,
        held={"freeze": 0, **{f"rx{k}": 1 for k in range(3) if k != shape}},
    )  # fmt: skip
    assert replies(thawed) == [Message(Kind.FRAME, 1, inverted(shape, first))]
    assert Link(thawed).ask(Kind.FRAME, second) == inverted(shape, second)


def test_a_network_that_hangs_is_freed_by_starting_again(built: Simulation) -> None:
    first, second = frames(1, 2)
    held = {"freeze": 1, "rx0": 1, "rx2": 1}
    stuck = line(built, 1, **held)
    with pytest.raises(ToolFailed, match="busy"):
        Link(stuck).ask(Kind.FRAME, first)
    assert Link(stuck).start_again().frame_bytes == len(first)
    freed = SerialLine(built, DIVISOR, rx="rx1", tx="tx1", patience=2 * LIMIT, held={**held, "freeze": 0})
    freed.idle(100)
    assert Link(freed).ask(Kind.FRAME, second) == inverted(1, second)


def test_glitches_breaks_and_noise_do_no_harm(built: Simulation) -> None:
    (frame,) = frames(1, 1)
    found = line(built, 1)
    glitch = np.ones(40, np.uint32)
    glitch[5 : 5 + DIVISOR // 2 - 2] = 0
    found.drive(glitch)
    found.drive(np.zeros(40 * DIVISOR, np.uint32))
    found.idle(20 * DIVISOR)
    found.write(bytes(b for b in range(256) if b != 0xB7))
    assert replies(found) == []
    assert Link(found).ask(Kind.FRAME, frame) == inverted(1, frame)


@pytest.mark.parametrize("cycles", [93, 99])
def test_a_rate_that_is_three_per_cent_off_is_read(built: Simulation, cycles: int) -> None:
    """Twelve bits take 93 or 99 cycles instead of 96; bytes follow each other without a pause."""
    (frame,) = frames(1, 1)
    found = line(built, 1)
    data = request(Message(Kind.FRAME, 3, frame))
    bits = np.concatenate([[0, *((byte >> k) & 1 for k in range(8)), 1] for byte in data]).astype(np.uint32)
    place = np.arange(len(bits) * cycles // 12) * 12 // cycles
    found.drive(np.concatenate([bits[place], np.ones(200, np.uint32)]))
    assert replies(found) == [Message(Kind.FRAME, 3, inverted(1, frame))]


def test_the_link_is_free_of_lint() -> None:
    for name in ("bw_uart_link", "bw_board_reset"):
        assert [str(w) for w in lint(library(), name) if w.code not in ("MULTITOP",)] == []


BENCH = LIBRARY / "bench" / "bw_uart_link_bench.v"


@pytest.mark.tool("iverilog", "vvp")
def test_the_bench_passes_in_icarus_and_notices_a_wrong_checksum(tmp_path: Path) -> None:
    assert run_bench([BENCH, *library()], "bw_uart_link_bench", workdir=tmp_path) == "PASS 4 requests\n"
    broken = tmp_path / "bw_crc16.v"
    broken.write_text((LIBRARY / "bw_crc16.v").read_text().replace("both[3:0], 12'd0", "both[3:0], 12'd1"))
    sources = [BENCH, broken, *(p for p in library() if p.name != "bw_crc16.v")]
    assert "FAIL request 1" in run_bench(sources, "bw_uart_link_bench", workdir=tmp_path)
