"""From a design to the bitstream of an open board, with a host link beside the network."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import bitwright
from bitwright.backends.verilog import Emitted
from bitwright.backends.verilog.axis import byte_slices
from bitwright.backends.verilog.board import BoardTop, Network, board_top, constraints
from bitwright.backends.verilog.stream import StreamEmitted
from bitwright.backends.verilog.stream.registers import NO_CONTROL
from bitwright.core.errors import ConfigError, InvalidValue, Mismatch, Unsupported
from bitwright.core.files import inside, sha256, write_atomic
from bitwright.core.progress import Progress, Silent
from bitwright.flow.compiled import Compiled
from bitwright.flow.framed import Framed
from bitwright.flow.layered import LayerTimes, layer_times
from bitwright.flow.vectors import random_codes
from bitwright.flow.writing import emit
from bitwright.host import Accelerator, BytePort, FramePort, Layout, SpiPort, connect
from bitwright.ir import graph as graphs
from bitwright.ir.certificate import Comparison
from bitwright.ir.netlist import Word
from bitwright.numeric import Steps
from bitwright.platforms import Board, board, boards, device
from bitwright.toolchain import Ports, Simulation
from bitwright.toolchain import build as build_simulation
from bitwright.toolchain.implement import Implementation, implement
from bitwright.toolchain.parts import part_of
from bitwright.toolchain.routed import routed_verilog
from bitwright.toolchain.serial_line import SerialLine
from bitwright.toolchain.spi_line import SpiLine

__all__ = ["Bitstream", "build_bitstream", "build_model", "open_boards"]

_WAKE_CYCLES = 400
_MARGIN = 1.25
"""A design's clock over that of its bitstream: placed networks miss the modelled clock by up to a fifth."""


@dataclass(frozen=True)
class Bitstream:
    """A bitstream, what went into it, and how to talk to it.

    `files` are the sources by relative path, memory images and constraints among them; `compared` says what the layout
    was simulated against.
    """

    design: Compiled
    board: Board
    layout: Layout
    top: BoardTop
    files: dict[str, str]
    implementation: Implementation
    compared: tuple[Comparison, ...] = ()

    @property
    def fmax_mhz(self) -> float:
        """What the slowest clock reaches, by nextpnr."""
        return self.implementation.timing.slowest.fmax_mhz

    @property
    def critical_layers(self) -> LayerTimes:
        """The slowest path by layer, in its order: (layer, ns)."""
        return layer_times(self.design, self.implementation.timing.slowest.path)

    @property
    def name(self) -> str:
        """The file of the bitstream."""
        return f"{self.design.name}.{self.implementation.suffix}"

    def headline(self) -> str:
        """What came out, in a line."""
        counts, timing = self.implementation.counts, self.implementation.timing.slowest
        path = ", ".join(f"{layer} {ns:.1f} ns" for layer, ns in self.critical_layers)
        return (
            f"{self.board.title}: {counts.luts} LUT, {counts.ffs} FF; {timing.fmax_mhz:.1f} MHz reached at"
            f" {timing.wanted_mhz:.1f} MHz (slack {timing.slack_ns:.2f} ns); slowest path: {path}"
        )

    def connect(self, port: BytePort | str, *, timeout_s: float = 1.0) -> Accelerator:
        """The network on the board at `port`, with this design's own doors to floats."""
        return connect(self.layout, port, encode=self.design.encode, decode=self._decode, timeout_s=timeout_s)

    def _decode(self, codes: list[Any]) -> Any:
        found = [decoder(c) for decoder, c in zip(self.design.decoders, codes, strict=True)]
        return found[0] if len(found) == 1 else found

    def write(self, folder: str | Path) -> Path:
        """The bitstream, its sources, layout.json for the host and manifest.json into `folder`; returns it."""
        root = Path(folder)
        data: dict[str, bytes | str] = {**self.files, self.name: self.implementation.bitstream}
        data |= {"layout.json": self.layout.to_json(), "run.ys": self.implementation.script}
        for name, content in data.items():
            write_atomic(inside(root, name), content)
        write_atomic(inside(root, "manifest.json"), self._manifest(data))
        return root

    def _manifest(self, data: dict[str, bytes | str]) -> str:
        made, clock = self.implementation, self.implementation.timing.slowest
        record: dict[str, Any] = {
            "schema": 1,
            "name": self.design.name,
            "board": self.board.name,
            "device": made.device,
            "options": self.design.options.to_dict(),
            "graph": self.design.graph.digest(),
            "identity": self.layout.identity,
            "clock": {
                "oscillator_mhz": self.board.io and self.board.io.oscillator_mhz,
                "mhz": float(self.top.clock_mhz), "fmax_mhz": round(clock.fmax_mhz, 3), "met": made.timing.met,
            },
            "link": {"kind": self.layout.link, "baud": self.layout.baud, "cycles_a_bit": self.top.divisor},
            "used": {kind: list(pair) for kind, pair in sorted(made.timing.used.items())},
            "critical_path": [[layer, round(ns, 3)] for layer, ns in self.critical_layers],
            "seed": made.seed,
            "seeds": list(made.seeds),
            "commands": list(made.commands),
            "compared": [asdict(row) for row in self.compared],
            "files": {name: sha256(content) for name, content in sorted(data.items())},
            "routed": sha256(made.routed),
            "versions": {"bitwright": bitwright.__version__, **made.versions},
        }  # fmt: skip
        return json.dumps(record, indent=2, sort_keys=True) + "\n"


def open_boards() -> tuple[str, ...]:
    """The boards whose pins are known and whose chip has open tools."""
    return tuple(name for name in boards() if board(name).io is not None)


def build_bitstream(
    design: Compiled, board: Board | str, folder: str | Path | None = None, *, seeds: Sequence[int] = (1, 2, 3),
    clock_mhz: float | None = None, link: str = "uart", baud: int | None = None, vectors: int = 4,
    clock_may_miss: bool = False, timeout_s: float = 3600.0, progress: Progress | None = None,
) -> Bitstream:  # fmt: skip
    """`design` with a host link as the bitstream of `board`: yosys, nextpnr and the chip's packer.

    clock_mhz: of the bitstream, the design's own by default; below it there is room for wires, which the delay model
    of a design knows on average only. The chip's PLL makes it (unless it is the oscillator's own), rounded down.
    `seeds` of the placer are tried until one meets it. `vectors` golden frames go through the pins of the netlist as it
    was placed and routed, bit for bit (0: none). `link` is "uart" or "spi", `baud` its bits a second: the board's own
    by default, of SPI the fastest that the clock reads. With `folder` everything is written there. Two builds with the
    same tools give the same bytes.

    Raises `InvalidValue` where the chip is too small or the clock is missed (unless `clock_may_miss`), `ConfigError`
    for a board without open tools or a design for another device, `Mismatch` where the layout computes something else,
    `ToolMissing`, `ToolFailed`, `ToolTimeout`.
    """
    chosen, listener = _board(board), progress or Silent()
    _check_device(design, chosen)
    emitted = _Emission.of(design)
    made = _assembled(design, chosen, emitted, (link, baud), clock_mhz or design.clock_mhz)
    with TemporaryDirectory(prefix="bitwright-") as scratch:
        place = Path(scratch)
        for name, text in made.files.items():
            write_atomic(inside(place, name), text)
        sources = [place / name for name in made.files if not name.startswith("pins.")]
        found = implement(
            sources, made.top.top, made.pins, device=chosen.device.name, clock_mhz=float(made.top.clock_mhz),
            workdir=place / "work", seeds=seeds, timeout_s=timeout_s, progress=listener,
        )  # fmt: skip
        result = Bitstream(design, chosen, made.layout, made.top, made.files, found)
        if not (found.timing.met or clock_may_miss):
            raise _missed(result)
        if vectors:
            compared = _simulated(result, vectors, place / "work", listener)
            result = Bitstream(design, chosen, made.layout, made.top, made.files, found, (compared,))
    if folder is not None:
        result.write(folder)
    return result


def build_model(
    model: Any, board: Board | str, folder: str | Path | None = None, *, options: Mapping[str, Any] | None = None,
    **told: Any,
) -> Bitstream:  # fmt: skip
    """`build_bitstream` of a model, or of its file, compiled for the board's chip and a quarter more than its clock.

    options: those of `compile`; `clock_mhz` among them is that of the bitstream, the board's usual one by default, and
    `device` may only be the board's own (`ConfigError`). Everything else is passed on to `build_bitstream`.
    """
    from bitwright.flow.compiling import compile_model

    chosen, given = _board(board), dict(options or {})
    told_device = given.pop("device", None)
    if told_device is not None and device(told_device) != chosen.device:
        raise ConfigError(
            f"{told_device!r} with board {chosen.name}, which has {chosen.device.name}", where="option device",
            remedy="leave `device` out: a board has its own",
        )  # fmt: skip
    clock_mhz = given.pop("clock_mhz", None) or chosen.clock_mhz
    compiled: dict[str, Any] = {"device": chosen.device.name, "clock_mhz": _MARGIN * clock_mhz, **given}
    design = compile_model(model, **compiled)
    return build_bitstream(design, chosen, folder, clock_mhz=clock_mhz, **told)


def _board(chosen: Board | str) -> Board:
    found = board(chosen) if isinstance(chosen, str) else chosen
    if found.io is None:
        raise ConfigError(
            f"no pins are known of {found.name!r}, or its chip has no open tools", where="board",
            remedy=f"one of {', '.join(open_boards())}; for other boards, write the vendor's project",
        )  # fmt: skip
    return found


def _check_device(design: Compiled, chosen: Board) -> None:
    if design.options.device != chosen.device.name:
        raise ConfigError(
            f"compiled for {design.options.device}, and {chosen.name} has {chosen.device.name}", where=design.name,
            why="pipelines and foldings are those of a device",
            remedy=f"compile(..., device={chosen.device.name!r}, clock_mhz={chosen.clock_mhz:g})",
        )  # fmt: skip


def _missed(result: Bitstream) -> InvalidValue:
    slowest = result.implementation.timing.slowest
    path = ", ".join(f"{layer} {ns:.1f} ns" for layer, ns in result.critical_layers)
    seeds = ", ".join(str(seed) for seed in result.implementation.seeds)
    return InvalidValue(
        f"reaches {slowest.fmax_mhz:.1f} of {slowest.wanted_mhz:.1f} MHz (seed {seeds})",
        where=f"{result.design.name} on {result.board.name}", why=f"slowest path: {path}",
        remedy=f"clock_mhz={int(slowest.fmax_mhz * 0.95)}, more seeds, or a design compiled for a faster clock",
    )  # fmt: skip


@dataclass(frozen=True)
class _Emission:
    """A design's Verilog as one AXI4-Stream network, and how its frames lie in bytes."""

    network: Network
    files: dict[str, str]
    inputs: tuple[FramePort, ...]
    outputs: tuple[FramePort, ...]

    @classmethod
    def of(cls, design: Compiled) -> _Emission:
        """Of any architecture; raises `Unsupported` for several streams on one side."""
        if isinstance(design, Framed):
            return cls._streamed(design, design.emit())
        return cls._parallel(design, emit(design, axis=True))

    @classmethod
    def _parallel(cls, design: Compiled, emitted: Emitted) -> _Emission:
        """One beat a frame: all buses side by side, each in whole bytes."""
        buses = {d: [p for p in emitted.ports if p.direction == d] for d in ("input", "output")}
        count = {d: byte_slices(side)[-1] // 8 for d, side in buses.items()}
        network = Network(emitted.axis_top or "", "s_axis", count["input"], 1, "m_axis", count["output"], 1)
        sides = {
            d: tuple(
                FramePort(node.name, p.shape, 1, *_ranges(p.elements), step=_step(p.step))
                for node, p in zip(nodes, buses[d], strict=True)
            )
            for d, nodes in (("input", design.graph.inputs), ("output", design.graph.results))
        }
        files = {name: emitted.files[name] for name in emitted.axis_sources}
        return cls(network, files, sides["input"], sides["output"])

    @classmethod
    def _streamed(cls, design: Compiled, emitted: StreamEmitted) -> _Emission:
        """As many beats a frame as its stream has words."""
        if len(emitted.inputs) != 1 or len(emitted.outputs) != 1:
            raise Unsupported(
                f"{len(emitted.inputs)} streams in and {len(emitted.outputs)} out", where=f"host link of {design.name}",
                remedy="join them in the model, or use the parallel architecture",
            )  # fmt: skip
        if emitted.control != NO_CONTROL or emitted.memory is not None:
            raise Unsupported(
                "numbers that are written at run time, or weights outside", where=f"host link of {design.name}",
                remedy="compile it without them: these boards have no processor or memory beside the chip here",
            )  # fmt: skip
        (source,), (sink,) = emitted.inputs, emitted.outputs
        sizes = [(port.prefix, port.data_bits // 8, port.words) for port in (source, sink)]
        network = Network(emitted.top, *sizes[0], *sizes[1])
        pairs = ((source, design.graph.inputs[0]), (sink, design.graph.results[0]))
        ports = [
            FramePort(
                node.name, node.type.shape, port.words, *_ranges(port.stream.lane_words()), step=_step(node.type.step)
            )
            for port, node in pairs
        ]
        files = {name: emitted.files[name] for name in (*emitted.sources, *emitted.images)}
        return cls(network, files, (ports[0],), (ports[1],))


def _ranges(words: Sequence[Word]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    return tuple(int(word.low) for word in words), tuple(int(word.high) for word in words)


def _step(step: Steps) -> str:
    return "" if step.uniform is None else str(step.uniform)


@dataclass(frozen=True)
class _Assembly:
    """Everything that the tools read."""

    top: BoardTop
    files: dict[str, str]
    pins: str
    layout: Layout


def _assembled(
    design: Compiled, chosen: Board, emitted: _Emission, line: tuple[str, int | None], clock_mhz: float
) -> _Assembly:  # fmt: skip
    io, (link, baud) = chosen.io, line
    assert io is not None
    identity = sha256("".join(f"{name}\n{text}" for name, text in sorted(emitted.files.items())))[:16]
    family = part_of(chosen.device.name).family
    header = f"{design.name} on {chosen.title}: written by bitwright {bitwright.__version__}"
    top = board_top(
        emitted.network, io, family, wanted_mhz=clock_mhz, identity=identity, baud=baud, header=header, link=link
    )  # fmt: skip
    pins = constraints(family, io, link)
    files = {**emitted.files, **top.files, f"pins.{pins.suffix}": pins.text}
    rate = int(top.baud) if link == "spi" else baud or io.baud
    return _Assembly(top, files, pins.text, Layout(design.name, identity, rate, emitted.inputs, emitted.outputs, link))


def _simulated(result: Bitstream, vectors: int, workdir: Path, progress: Progress) -> Comparison:
    """Golden frames through the pins of the layout, by the host's own code."""
    design, io, top = result.design, result.board.io, result.top
    assert io is not None
    codes = random_codes(design.graph, vectors, design.options.seed)
    golden = graphs.run(design.graph, codes)
    family = part_of(result.board.device.name).family
    text = routed_verilog(result.implementation.routed, top.top, family, workdir=workdir, progress=progress)
    source = write_atomic(workdir / "routed.v", text)
    held = {"reset": int(io.reset_low)} if io.reset else {}
    lights = ("led",) if io.led else ()
    ins, outs = ([wire.port for wire in top.wires if wire.direction == side] for side in ("input", "output"))
    ins, outs = (*ins, *held), (*outs, *lights)
    pins = Ports(tuple((name, 1) for name in ins), tuple((name, 1) for name in outs), "clock")
    with build_simulation([source], top.top, pins, workdir, progress=progress) as simulation:
        progress.step(f"simulate {vectors} frames through the pins of the layout")
        line, port = _line(simulation, result, held)
        line.idle(_WAKE_CYCLES)
        found = connect(result.layout, port).run(codes)
        progress.done(f"{line.cycles} cycles")
    differing = sum(int((a != b).sum()) for a, b in zip(golden, found, strict=True))
    if differing:
        raise Mismatch(
            f"the layout differs from the graph in {differing} codes", where=f"{design.name} on {result.board.name}",
            remedy="try another seed; if it stays, report it as a bug",
        )  # fmt: skip
    return Comparison("built graph", "layout, through the pins", "golden", vectors, 0)


def _line(
    simulation: Simulation, result: Bitstream, held: Mapping[str, int]
) -> tuple[SerialLine | SpiLine, BytePort]:  # fmt: skip
    """The host's end of the simulated wires, and the port on it."""
    patience, divisor = _patience(result.design, result.top), result.top.divisor
    if result.layout.link == "uart":
        serial = SerialLine(simulation, divisor, held=held, patience=patience)
        return serial, serial
    line = SpiLine(simulation, divisor // 2, held=held)
    return line, SpiPort(line.transfer, patience=-(-patience // (8 * divisor)))


def _patience(design: Compiled, top: BoardTop) -> int:
    """Cycles of silence that mean nobody answers: well above what a frame takes."""
    cycles = design.frame_ends(1)[0] if isinstance(design, Framed) else design.estimate().latency_cycles
    return 2 * cycles + 1000 * top.divisor
