"""The top of a bitstream: pins, clock, reset and the host link around a network with AXI4-Stream."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from bitwright.backends.verilog.board.pll import Pll, pll_for
from bitwright.backends.verilog.board.wires import Wire, wires_of
from bitwright.backends.verilog.printer import module as printed
from bitwright.backends.verilog.stream.emit import needed
from bitwright.backends.verilog.tree import (
    Assign,
    Comment,
    Expression,
    Instance,
    Item,
    Literal,
    Module,
    Net,
    PortDeclaration,
    Ref,
    Unary,
)
from bitwright.core.errors import InvalidValue
from bitwright.platforms import Io

__all__ = ["BoardTop", "Network", "board_top"]

_LEAST_DIVISOR = 8
_SPI_DIVISOR = 10
_SILENCE_S = Fraction(1, 20)


@dataclass(frozen=True, slots=True)
class Network:
    """A module with one AXI4-Stream in and one out: bytes of a beat and beats of a frame on either side."""

    module: str
    source: str
    source_bytes: int
    source_beats: int
    sink: str
    sink_bytes: int
    sink_beats: int


@dataclass(frozen=True, slots=True)
class BoardTop:
    """The module `top` with what it places from the library: its files, its clock, and the cycles of a bit.

    Of SPI, whose clock is the host's, a bit has so many cycles or more. `wires` are the host's.
    """

    top: str
    files: dict[str, str]
    clock_mhz: Fraction
    divisor: int
    pll: Pll | None
    wires: tuple[Wire, ...]

    @property
    def baud(self) -> Fraction:
        """The line's rate as it is, a little off the one that was asked for where the clock is no multiple of it."""
        return self.clock_mhz * 1_000_000 / self.divisor


def board_top(
    network: Network, io: Io, family: str, *, wanted_mhz: float, identity: str, baud: int | None = None,
    header: str = "", link: str = "uart",
) -> BoardTop:  # fmt: skip
    """The module `<network>_board`, whose instance `network` is the design and whose `u_link` is the link.

    identity: 16 hexadecimal digits that the link tells who asks. baud: bits a second, the board's own by default; of
    SPI the fastest that the clock reads. Raises `InvalidValue` where the clock is too slow for that, or none can be
    made, and `ConfigError` for a link that the board does not have.
    """
    wires = wires_of(io, link)
    pll = pll_for(family, io.oscillator_mhz, wanted_mhz, pad=io.pad_clock)
    clock_mhz = pll.clock_mhz if pll else Fraction(str(io.oscillator_mhz))
    divisor = _divisor(clock_mhz, baud or io.baud) if link == "uart" else _spi_divisor(clock_mhz, baud)
    numbers = _Numbers(clock_mhz, divisor, int(identity, 16), _store(network, family), link, wires)
    made = _module(network, io, pll, numbers)
    files = {f"rtl/{made.name}.v": printed(made, header)} | needed([made])
    return BoardTop(made.name, files, clock_mhz, divisor, pll, wires)


def _divisor(clock_mhz: Fraction, baud: int) -> int:
    """Cycles of a bit; both ends may be off by 2 % together before the last bit is read at the wrong place."""
    exact = clock_mhz * 1_000_000 / baud
    found = round(exact)
    if found < _LEAST_DIVISOR or abs(found / exact - 1) > Fraction(1, 50):
        raise InvalidValue(
            f"{baud} baud at {float(clock_mhz):g} MHz", where="host link", why=f"{float(exact):.2f} cycles a bit",
            remedy=f"{_LEAST_DIVISOR} cycles a bit at least and within 2 % of a whole number: give another baud",
        )  # fmt: skip
    return found


def _spi_divisor(clock_mhz: Fraction, hertz: int | None) -> int:
    """The fewest cycles of a bit: `bw_spi.v` reads the host's clock with its own."""
    if hertz and hertz * _SPI_DIVISOR > clock_mhz * 1_000_000:
        raise InvalidValue(
            f"SPI of {hertz} Hz at {float(clock_mhz):g} MHz", where="host link",
            why=f"a bit takes {_SPI_DIVISOR} cycles at least", remedy=f"{int(clock_mhz * 1_000_000 / _SPI_DIVISOR)} Hz",
        )  # fmt: skip
    return -(-int(clock_mhz * 1_000_000) // hertz) if hertz else _SPI_DIVISOR


@dataclass(frozen=True, slots=True)
class _Numbers:
    """Parameters of the link: its clock, cycles of a bit, what it says of itself, where a frame waits, its wires."""

    clock_mhz: Fraction
    divisor: int
    identity: int
    store: int
    link: str
    wires: tuple[Wire, ...]


_FEW_BITS = 4096


def _store(network: Network, family: str) -> int:
    """Distributed memory (0) for short frames, which iCE40 has none of; else a block (1)."""
    short = 8 * network.source_bytes * network.source_beats <= _FEW_BITS
    return 0 if short and not family.startswith("ice40") else 1


def _module(network: Network, io: Io, pll: Pll | None, numbers: _Numbers) -> Module:
    ins, outs = ([w.port for w in numbers.wires if w.direction == side] for side in ("input", "output"))
    heads = [PortDeclaration("input", "wire", name, 1) for name in ("clock", *ins, *(["reset"] * bool(io.reset)))]
    heads += [PortDeclaration("output", "wire", name, 1) for name in (*outs, *(["led"] * bool(io.led)))]
    items: list[Item] = [*_clocks(io, pll), *_link(network, numbers), *_network(network)]
    if io.led:
        light = Unary("~", Ref("busy")) if io.led_low else Ref("busy")
        items += [Comment("lit while a frame is under way"), Assign(Ref("led"), light)]
    else:
        items.append(Net("wire", "busy_unused", 1, value=Ref("busy")))
    frame, result = network.source_bytes * network.source_beats, network.sink_bytes * network.sink_beats
    line = "a serial line" if numbers.link == "uart" else "SPI"
    least = "" if numbers.link == "uart" else " or more"
    about = (
        f"{network.module} behind {line} of {numbers.divisor} cycles a bit{least},\n"
        f"at {float(numbers.clock_mhz):g} MHz from an oscillator of {io.oscillator_mhz:g} MHz.\n"
        f"A frame is a request of {frame} bytes, its result a reply of {result}: see bw_link.v."
    )
    return Module(f"{network.module}_board", about, tuple(heads), tuple(items))


def _clocks(io: Io, pll: Pll | None) -> list[Item]:
    """The clock and the reset."""
    items: list[Item] = [Net("wire", "clk", 1), Net("wire", "locked", 1), Net("wire", "rst", 1)]
    if pll:
        items.append(pll.instance("clock", "clk", "locked"))
    else:
        items += [Assign(Ref("clk"), Ref("clock")), Assign(Ref("locked"), Literal(1, 1))]
    button: Expression = Ref("reset") if io.reset else Literal(0, 1)
    held = Unary("~", button) if io.reset and io.reset_low else button
    joined = (("clk", Ref("clk")), ("locked", Ref("locked")), ("held", held), ("rst", Ref("rst")))
    return [*items, Instance("bw_board_reset", "u_reset", joined)]


_PINS = ("tdata", "tvalid", "tready", "tlast")


def _link(network: Network, numbers: _Numbers) -> list[Item]:
    nets: list[Item] = [Comment("the host's side"), Net("wire", "aresetn", 1), Net("wire", "busy", 1)]
    for side, count in (("frame", network.source_bytes), ("result", network.sink_bytes)):
        nets += [Net("wire", f"{side}_{pin}", 8 * count if pin == "tdata" else 1) for pin in _PINS]
    joined: list[tuple[str, Expression]] = [("clk", Ref("clk")), ("rst", Ref("rst"))]
    joined += [(name, Ref(name)) for name in (*(wire.port for wire in numbers.wires), "aresetn", "busy")]
    joined += [(f"m_{pin}", Ref(f"frame_{pin}")) for pin in _PINS]
    joined += [(f"s_{pin}", Ref(f"result_{pin}")) for pin in _PINS if pin != "tlast"]
    rate = (("DIVISOR", numbers.divisor),) if numbers.link == "uart" else ()
    parameters = (
        *rate,
        ("IN_BYTES", network.source_bytes),
        ("IN_BEATS", network.source_beats),
        ("OUT_BYTES", network.sink_bytes),
        ("OUT_BEATS", network.sink_beats),
        ("IDENTITY", Literal(numbers.identity, 64)),
        ("LIMIT", int(numbers.clock_mhz * 1_000_000 * _SILENCE_S)),
        ("STORE", numbers.store),
    )
    unused = Net("wire", "result_tlast_unused", 1, value=Ref("result_tlast"))
    module = f"bw_{numbers.link}_link"
    return [*nets, Instance(module, "u_link", tuple(joined), parameters), Comment("beats are counted"), unused]


def _network(network: Network) -> list[Item]:
    joined: list[tuple[str, Expression]] = [("aclk", Ref("clk")), ("aresetn", Ref("aresetn"))]
    joined += [(f"{network.source}_{pin}", Ref(f"frame_{pin}")) for pin in _PINS]
    joined += [(f"{network.sink}_{pin}", Ref(f"result_{pin}")) for pin in _PINS]
    return [Comment("the network"), Instance(network.module, "network", tuple(joined))]
