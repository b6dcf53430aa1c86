"""The netlist that place and route made, as plain Verilog: what lies in the chip can be simulated like its source.

nextpnr writes its netlist after packing, placement and routing: LUTs with their bits, carry cells, flip-flops, buffers
and pads, named as in the bitstream. Buffers and pads become wires here, constants are tied where inputs hang open, the
PLL is a wire from the oscillator's pin (a simulated cycle is then one of the PLL's clock, which is locked at once), and
the other cells are replaced by their models: those of `cells/`, and yosys's own for Gowin.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, cast

from bitwright.core.errors import ToolFailed, Unsupported
from bitwright.core.progress import Progress
from bitwright.toolchain.find import Tool
from bitwright.toolchain.stage import checked_name, scratch, storing
from bitwright.toolchain.yosys import run_yosys

__all__ = ["plain_netlist", "routed_verilog"]

_RESULT, _NETLIST, _MODELS = "routed.v", "routed.json", "models.v"
Cell = dict[str, Any]
Bits = list[Any]


def routed_verilog(
    netlist: str, top: str, family: str, *, workdir: Path, timeout_s: float = 600.0, tool: Tool | None = None,
    progress: Progress | None = None,
) -> str:  # fmt: skip
    """`netlist` (nextpnr's `--write`) of `family` as the Verilog module `top`, without vendor cells.

    Raises `Unsupported` for a cell without a model, `ToolFailed`, `ToolTimeout`, `ToolMissing`.
    """
    checked_name(top, "top module")
    kind = _kind(family)
    with scratch(workdir, "routed") as folder:
        with storing(folder):
            (folder / _NETLIST).write_text(plain_netlist(netlist, top, family))
            (folder / _MODELS).write_text((resources.files("bitwright.toolchain") / "cells" / kind.models).read_text())
        lines = [f"read_verilog -nosynthesis {library}" for library in kind.libraries]
        lines += [
            f"read_verilog {_MODELS}", f"read_json {_NETLIST}", f"hierarchy -check -top {top}", "proc", "flatten",
            # Bit by bit: Verilator 5.006 gets vectors wrong whose bits depend on each other, as carries do.
            "opt -full -purge", "splitnets", "opt_clean -purge", f"write_verilog -noattr {_RESULT}", "",
        ]  # fmt: skip
        run_yosys("\n".join(lines), folder, timeout_s, tool=tool, progress=progress, note=f"read the layout of {top}")
        with storing(folder):
            text = (folder / _RESULT).read_text()
    if f"module {top}(" not in text:
        raise ToolFailed(f"its netlist does not hold {top!r}", where="yosys", remedy="use yosys 0.23 or newer")
    return text


def plain_netlist(netlist: str, top: str, family: str) -> str:
    """nextpnr's netlist with buffers as wires, open inputs tied, the PLL bridged, its module renamed to `top`."""
    kind = _kind(family)
    try:
        told = cast(dict[str, Any], json.loads(netlist))
        (module,) = told["modules"].values()
        cells = cast(dict[str, Cell], module["cells"])
    except (ValueError, KeyError) as error:
        remedy = "use nextpnr 0.4 or newer"
        raise ToolFailed("left no readable netlist", where="nextpnr", why=str(error), remedy=remedy) from error
    nets = _Nets(module)
    made: dict[str, Cell] = {}
    for name, cell in cells.items():
        for number, part in enumerate(kind.rewrite(cell, nets)):
            made[f"{name}${number}" if number else name] = part
    module["cells"] = made
    # Names of nets are of no use behind `opt`, and their attributes take most of the file.
    module["netnames"] = {}
    module["attributes"] = {"top": "1"}
    return json.dumps({"creator": told.get("creator", ""), "modules": {top: module}})


class _Nets:
    """Nets of the module by name, and its ports."""

    def __init__(self, module: dict[str, Any]) -> None:
        self._named = module["netnames"]
        self._ports = module["ports"]

    def named(self, name: str) -> Bits:
        """The bits of a net."""
        return self._named.get(name, {}).get("bits", [])

    @property
    def oscillator(self) -> Bits:
        """The port `clock` itself."""
        return self._ports["clock"]["bits"]


def _wire(source: Bits, target: Bits) -> Iterable[Cell]:
    """A buffer, unless one end is open."""
    if source and target:
        yield {
            "hide_name": 0, "type": "$_BUF_", "parameters": {}, "attributes": {},
            "port_directions": {"A": "input", "Y": "output"}, "connections": {"A": source, "Y": target},
        }  # fmt: skip


def _buffer(source: str, target: str) -> Callable[[Cell, _Nets], Iterable[Cell]]:
    return lambda cell, _: _wire(_bits(cell, source), _bits(cell, target))


def _bits(cell: Cell, port: str) -> Bits:
    return cell["connections"].get(port, [])


def _modelled(type_: str, ties: Mapping[str, str], kept: tuple[str, ...]) -> Callable[[Cell, _Nets], Iterable[Cell]]:
    """The cell as its model has it: `ties` are the inputs with the level of an open one, `kept` the parameters."""

    def rewrite(cell: Cell, _: _Nets) -> Iterable[Cell]:
        inputs = {port: _bits(cell, port) or [level] for port, level in ties.items()}
        outputs = {port: b for port, b in cell["connections"].items() if port not in ties and b}
        directions = {port: "input" for port in inputs} | {port: "output" for port in outputs}
        parameters = {name: value for name, value in cell["parameters"].items() if name in kept}
        yield {
            "hide_name": 0, "type": type_, "parameters": parameters, "attributes": {},
            "port_directions": directions, "connections": inputs | outputs,
        }  # fmt: skip

    return rewrite


def _pll(source: str, outputs: tuple[str, ...]) -> Callable[[Cell, _Nets], Iterable[Cell]]:
    """The clock from the pin of the oscillator, and locked."""

    def rewrite(cell: Cell, nets: _Nets) -> Iterable[Cell]:
        clocks = [_bits(cell, port) for port in outputs if _bits(cell, port)]
        # The pad form of iCE40's PLL leaves through the pad's own wire, which the netlist does not draw.
        for clock in clocks or [nets.named("clk")]:
            yield from _wire(_bits(cell, source) or nets.oscillator, clock)
        yield from _wire(["1"], _bits(cell, "LOCK"))

    return rewrite


def _trellis_io(cell: Cell, _: _Nets) -> Iterable[Cell]:
    if cell["parameters"].get("DIR") == "INPUT":
        return _wire(_bits(cell, "B"), _bits(cell, "O"))
    return _wire(_bits(cell, "I"), _bits(cell, "B"))


def _sb_io(cell: Cell, _: _Nets) -> Iterable[Cell]:
    yield from _wire(_bits(cell, "PACKAGE_PIN"), _bits(cell, "D_IN_0"))
    yield from _wire(_bits(cell, "D_OUT_0"), _bits(cell, "PACKAGE_PIN"))


def _constant(port: str, level: str) -> Callable[[Cell, _Nets], Iterable[Cell]]:
    return lambda cell, _: _wire([level], _bits(cell, port))


def _nothing(cell: Cell, _: _Nets) -> Iterable[Cell]:
    return ()


# An open input of an ECP5 LUT reads as one, and the cell that takes a carry in from logic counts on that.
_COMB = _modelled(
    "TRELLIS_COMB",
    dict.fromkeys("ABCD", "1")
    | dict.fromkeys(("M", "FCI", "F1", "FXA", "FXB", "WD", "WRE", "WCK", "DI0", "DI1"), "0")
    | {f"WAD{place}": "0" for place in range(4)},
    ("MODE", "INITVAL", "CCU2_INJECT1", "WREMUX"),
)


def _comb(cell: Cell, nets: _Nets) -> Iterable[Cell]:
    for made in _COMB(cell, nets):
        upper = cell["attributes"].get("NEXTPNR_BEL", "").endswith("K1")
        yield {**made, "parameters": {**made["parameters"], "K1": str(int(upper))}}


_RAMW = _modelled("TRELLIS_RAMW", {f"{pin}{half}": "1" for pin in "ABCD" for half in "01"}, ())
_FF = _modelled(
    "TRELLIS_FF", {"CLK": "0", "LSR": "0", "CE": "1", "DI": "0", "M": "0"},
    ("SD", "REGSET", "SRMODE", "CEMUX", "LSRMUX", "CLKMUX", "GSR"),
)  # fmt: skip


def _ff(cell: Cell, nets: _Nets) -> Iterable[Cell]:
    if cell["parameters"].get("SRMODE") == "ASYNC":
        raise Unsupported("an asynchronous reset", where="simulation of a layout", remedy="report it as a bug")
    return _FF(cell, nets)


_ALU_BITS = {"C2L": 0x0000, "ONE2C": 0x000F, "2": 0x609A}
"""The LUT of a carry cell by mode: carry to logic (and a carry of zero), a carry of one, adder and subtracter."""


def _alu(cell: Cell, nets: _Nets) -> Iterable[Cell]:
    told = cell["parameters"]
    mode = told.get("ALU_MODE", "2").strip()
    name = mode if mode in _ALU_BITS else str(int(mode, 2))
    if "RAW_ALU_LUT" not in told and name not in _ALU_BITS:
        raise Unsupported(f"ALU_MODE {name}", where="simulation of a layout", remedy="report it as a bug")
    bits = int(told["RAW_ALU_LUT"][-16:], 2) if "RAW_ALU_LUT" in told else _ALU_BITS[name]
    ties: dict[str, str] = dict.fromkeys(("I0", "I1", "I2", "I3", "CIN"), "0")
    for made in _modelled("BW_GOWIN_ALU", ties, ())(cell, nets):
        yield {**made, "parameters": {"LUT": f"{bits:016b}"}}


def _memory(cell: Cell, nets: _Nets) -> Iterable[Cell]:
    """RAM16SDP of any width."""
    width = cell["type"].removeprefix("RAM16SDP")
    ties = {"CLK": "0", "WRE": "0", "CE": "1", "WAD": "0", "RAD": "0", "DI": "0"}
    kept = tuple(f"INIT_{column}" for column in range(int(width)))
    for made in _modelled("BW_GOWIN_MEMORY", ties, kept)(cell, nets):
        yield {**made, "parameters": {**made["parameters"], "WIDTH": f"{int(width):032b}"}}


def _lut(inputs: int) -> Callable[[Cell, _Nets], Iterable[Cell]]:
    """A LUT of Gowin, as one of four inputs whose upper bits repeat."""
    rewrite = _modelled("LUT4", dict.fromkeys(("I0", "I1", "I2", "I3"), "0"), ())

    def widened(cell: Cell, nets: _Nets) -> Iterable[Cell]:
        bits = cell["parameters"]["INIT"].strip()[-(1 << inputs) :].zfill(1 << inputs)
        for made in rewrite(cell, nets):
            yield {**made, "parameters": {"INIT": bits * (16 >> inputs)}}

    return widened


def _dff(cell: Cell, nets: _Nets) -> Iterable[Cell]:
    loads = {"S": "SET", "R": "RESET", "P": "PRESET", "C": "CLEAR"}
    ties = {load: "0" for letter, load in loads.items() if letter in cell["type"][3:]}
    enabled = {"CE": "1"} if "E" in cell["type"][3:] else {}
    return _modelled(cell["type"], {"D": "0", "CLK": "0", **ties, **enabled}, ("INIT",))(cell, nets)


_MUXES = ("MUX2_LUT5", "MUX2_LUT6", "MUX2_LUT7", "MUX2_LUT8")
_DFFS = tuple(f"DFF{edge}{load}{enable}" for edge in ("", "N") for load in ("", *"SRPC") for enable in ("", "E"))


@dataclass(frozen=True, slots=True)
class _Kind:
    """How a family's cells are read: models, yosys's libraries, and what becomes of each type."""

    models: str
    rules: Mapping[str, Callable[[Cell, _Nets], Iterable[Cell]]]
    libraries: tuple[str, ...] = ()

    def rewrite(self, cell: Cell, nets: _Nets) -> Iterable[Cell]:
        """The cells that stand for one of the layout."""
        if cell["type"] not in self.rules:
            raise Unsupported(
                f"no model of {cell['type']}", where="simulation of a layout",
                remedy="simulate the RTL (verify), or keep the design free of this block",
            )  # fmt: skip
        return self.rules[cell["type"]](cell, nets)


_LC = _modelled(
    "ICESTORM_LC", dict.fromkeys(("I0", "I1", "I2", "I3", "CIN", "CLK", "SR"), "0") | {"CEN": "1"},
    ("LUT_INIT", "NEG_CLK", "DFF_ENABLE", "SET_NORESET", "ASYNC_SR", "CIN_CONST", "CIN_SET"),
)  # fmt: skip
_SIDES = "AB"
_BLOCK = {
    **{f"DI{side}{k}": "0" for side in _SIDES for k in range(18)},
    **{f"AD{side}{k}": "0" for side in _SIDES for k in range(14)},
    **{f"{pin}{side}": "1" for side in _SIDES for pin in ("CE", "WE")},
    **{f"CLK{side}": "0" for side in _SIDES},
}
"""Inputs of a block memory of ECP5; its enables are on where they hang open."""


def _block(cell: Cell, nets: _Nets) -> Iterable[Cell]:
    told = {name: value.strip() for name, value in cell["parameters"].items()}
    for name in ("REGMODE_A", "REGMODE_B"):
        if told.get(name, "NOREG") != "NOREG":
            raise Unsupported(f"{name} {told[name]}", where="simulation of a layout", remedy="report it as a bug")
    fixed = {pin: told[f"{pin}MUX"] for pin in _BLOCK if told.get(f"{pin}MUX") in ("0", "1")}
    kept = ("DATA_WIDTH_A", "DATA_WIDTH_B", "WRITEMODE_A", "WRITEMODE_B", *(f"INITVAL_{k:02X}" for k in range(64)))
    muxes = tuple(f"{pin}{side}MUX" for side in _SIDES for pin in ("CE", "WE", "CLK") if f"{pin}{side}" not in fixed)
    held = {pin: b for pin, b in cell["connections"].items() if pin in _BLOCK or pin[:2] == "DO"}
    return _modelled("DP16KD", {**_BLOCK, **fixed}, (*kept, *muxes))({**cell, "connections": held}, nets)


def _product(cell: Cell, nets: _Nets) -> Iterable[Cell]:
    told = {name: value.strip() for name, value in cell["parameters"].items()}
    staged = [name for name, value in told.items() if name.startswith("REG_") and value != "NONE"]
    if staged:
        raise Unsupported(f"{staged[0]} of a product", where="simulation of a layout", remedy="report it as a bug")
    pins = {f"{side}{k}": "0" for side in _SIDES for k in range(18)} | {"SIGNEDA": "0", "SIGNEDB": "0"}
    fixed = {pin: told[f"{pin}MUX"] for pin in pins if told.get(f"{pin}MUX") in ("0", "1")}
    held = {pin: b for pin, b in cell["connections"].items() if pin in pins or pin[:1] == "P"}
    return _modelled("MULT18X18D", {**pins, **fixed}, ())({**cell, "connections": held}, nets)


_RAM = _modelled(
    "ICESTORM_RAM",
    dict.fromkeys(("RCLK", "WCLK", "RE", "WE"), "0") | {"RCLKE": "1", "WCLKE": "1"}
    | {f"{pin}_{k}": "0" for pin, count in (("RADDR", 11), ("WADDR", 11), ("MASK", 16), ("WDATA", 16))
       for k in range(count)},
    ("WRITE_MODE", "READ_MODE", "NEG_CLK_R", "NEG_CLK_W", *(f"INIT_{k:X}" for k in range(16))),
)  # fmt: skip
_ECP5 = _Kind(
    "ecp5.v",
    {
        "TRELLIS_COMB": _comb, "TRELLIS_FF": _ff, "TRELLIS_RAMW": _RAMW, "TRELLIS_IO": _trellis_io,
        "DP16KD": _block, "MULT18X18D": _product, "DCCA": _buffer("CLKI", "CLKO"), "EHXPLLL": _pll("CLKI", ("CLKOP",)),
    },
)  # fmt: skip
_ICE40 = _Kind(
    "ice40.v",
    {
        "ICESTORM_LC": _LC, "ICESTORM_RAM": _RAM, "SB_IO": _sb_io,
        "SB_GB": _buffer("USER_SIGNAL_TO_GLOBAL_BUFFER", "GLOBAL_BUFFER_OUTPUT"),
        "ICESTORM_PLL": _pll("REFERENCECLK", ("PLLOUT_A_GLOBAL", "PLLOUT_A")),
    },
)  # fmt: skip
_GOWIN = _Kind(
    "gowin.v",
    {
        **{f"LUT{n}": _lut(n) for n in range(1, 5)}, **dict.fromkeys(_DFFS, _dff), "ALU": _alu,
        **{f"RAM16SDP{n}": _memory for n in (1, 2, 4)},
        **{mux: _modelled(mux, {"I0": "0", "I1": "0", "S0": "0"}, ()) for mux in _MUXES},
        "IBUF": _buffer("I", "O"), "OBUF": _buffer("I", "O"), "BUFG": _buffer("I", "O"), "GSR": _nothing,
        "rPLL": _pll("CLKIN", ("CLKOUT",)), "GOWIN_GND": _constant("G", "0"), "GOWIN_VCC": _constant("V", "1"),
    },
    ("+/gowin/cells_sim.v",),
)  # fmt: skip
_KINDS = {"ecp5": _ECP5, "ice40": _ICE40, "ice40up": _ICE40, "gowin": _GOWIN}


def _kind(family: str) -> _Kind:
    if family not in _KINDS:
        remedy = f"one of {', '.join(_KINDS)}"
        raise Unsupported(f"family {family!r}", where="simulation of a layout", remedy=remedy)
    return _KINDS[family]
