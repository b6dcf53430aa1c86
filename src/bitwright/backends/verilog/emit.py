"""From a netlist to the files of a design."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

from bitwright.backends.verilog.axis import axis as axis_module
from bitwright.backends.verilog.bench import Vectors, axis_bench, axis_images, bench, images
from bitwright.backends.verilog.document import port_table
from bitwright.backends.verilog.netlist import Design, layer_modules
from bitwright.backends.verilog.ports import PortBits, port_bits
from bitwright.backends.verilog.primitives import LIBRARY
from bitwright.backends.verilog.printer import module as printed
from bitwright.backends.verilog.top import core, summary, wrapper
from bitwright.backends.verilog.tree import Instance, Module
from bitwright.core.collector import collector_paused
from bitwright.core.errors import InvalidValue
from bitwright.core.naming import identifier
from bitwright.ir.netlist.netlist import Netlist
from bitwright.numeric import IntArray

__all__ = ["Emitted", "emit"]


@dataclass(frozen=True, slots=True)
class Emitted:
    """The files of a design (relative path to text) and what a tool needs to know about them.

    `sources` and `axis_sources` are the Verilog files of the two tops, `benches` those of the plain
    top's bench (they read the `.hex` files beside them; run them in `tb/`).
    """

    top: str
    files: dict[str, str]
    sources: tuple[str, ...]
    axis_top: str | None
    axis_sources: tuple[str, ...]
    benches: tuple[str, ...]
    axis_benches: tuple[str, ...]
    input_bits: int
    output_bits: int
    latency_cycles: int
    ports: tuple[PortBits, ...]


def emit(
    netlist: Netlist,
    *,
    name: str | None = None,
    valid: bool = False,
    axis: bool = False,
    vectors: tuple[Sequence[IntArray], Sequence[IntArray]] | None = None,
    header: str = "",
    primitives: bool = False,
) -> Emitted:
    """`netlist` as Verilog-2005: one module per layer under the top `name`, which is a fixed pipeline.

    `valid` adds a flag that travels with each sample, and a reset that clears only flags. `axis` adds
    the top `<name>_axis` with AXI4-Stream on both sides. `vectors` (inputs, outputs; int64 (n, *shape)
    per port) add self-checking benches. `header` stands at the head of every generated file. `primitives`
    makes sums instances of `bw_sum`, which places LUT6_2 and CARRY4 of Xilinx parts in synthesis and says
    the same in plain Verilog in simulation. The same netlist gives the same bytes.
    """
    with collector_paused():
        return _emit(netlist, identifier(name or netlist.name), valid, axis, vectors, header, primitives)


def _emit(
    netlist: Netlist,
    top: str,
    valid: bool,
    axis: bool,
    vectors: tuple[Sequence[IntArray], Sequence[IntArray]] | None,
    header: str,
    primitives: bool,
) -> Emitted:
    ports = _checked(port_bits(netlist), top)
    design = Design.of(netlist, top, tuple(p.name for p in ports), stalls=axis, primitives=primitives)
    parts = _Parts(design, ports, valid, header)
    rtl, axis_rtl = parts.rtl()
    golden = Vectors(tuple(vectors[0]), tuple(vectors[1])).checked() if vectors else None
    benches = parts.bench(golden) if golden else {}
    axis_benches = parts.axis_bench(golden) if golden and axis else {}
    table = {"docs/ports.md": port_table(top, ports, design.latency_cycles, valid, axis)}
    return Emitted(
        top=top,
        files=rtl | axis_rtl | benches | axis_benches | table,
        sources=tuple(rtl),
        axis_top=f"{top}_axis" if axis else None,
        axis_sources=tuple(axis_rtl),
        benches=_verilog(benches),
        axis_benches=_verilog(axis_benches),
        input_bits=sum(p.bits for p in ports if p.direction == "input"),
        output_bits=sum(p.bits for p in ports if p.direction == "output"),
        latency_cycles=design.latency_cycles,
        ports=ports,
    )


@dataclass(frozen=True, slots=True)
class _Parts:
    design: Design
    ports: tuple[PortBits, ...]
    valid: bool
    header: str

    def rtl(self) -> tuple[dict[str, str], dict[str, str]]:
        """The files of the plain top and those of the AXI4-Stream top (none where nothing stalls)."""
        modules = layer_modules(self.design)
        below = [m.module for m in modules]
        chain = _library("rtl", "bw_valid") if self.valid else {}
        name = self.design.name
        placed = any(isinstance(item, Instance) for m in below for item in m.items)
        cells = {path: text for part in LIBRARY for path, text in _library("rtl", part).items()} if placed else {}
        if not self.design.stalls:
            top = core(self.design, modules, self.ports, name, self.valid)
            return self._files("rtl", [top, *below]) | cells | chain, {}
        inner = core(self.design, modules, self.ports, f"{name}_core", valid=False)
        shared = self._files("rtl", [inner, *below]) | cells
        top = wrapper(self.design, inner.name, self.ports, self.valid)
        stream = axis_module(
            f"{name}_axis", inner.name, self.ports, self.design.latency_cycles, summary(self.design, self.ports)
        )
        return (
            self._files("rtl", [top]) | shared | chain,
            self._files("rtl", [stream]) | shared | _library("rtl", "bw_axis"),
        )

    def bench(self, golden: Vectors) -> dict[str, str]:
        """The plain top's bench and its vectors."""
        name = self.design.name
        made = bench(name, self.ports, self.design.latency_cycles, golden.count, self.valid)
        return self._files("tb", [made]) | _library("tb", "bw_bench") | images(golden, self.ports, name)

    def axis_bench(self, golden: Vectors) -> dict[str, str]:
        """The AXI4-Stream top's bench and its vectors."""
        name = self.design.name
        made = axis_bench(name, self.ports, golden.count)
        return self._files("tb", [made]) | _library("tb", "bw_axis_bench") | axis_images(golden, self.ports, name)

    def _files(self, folder: str, modules: Sequence[Module]) -> dict[str, str]:
        return {f"{folder}/{m.name}.v": printed(m, self.header) for m in modules}


def _verilog(files: dict[str, str]) -> tuple[str, ...]:
    return tuple(name for name in files if name.endswith(".v"))


def _library(folder: str, name: str) -> dict[str, str]:
    """A copy of a static module, byte for byte."""
    source = resources.files(__package__ or "") / "library" / f"{name}.v"
    return {f"{folder}/{name}.v": source.read_text(encoding="utf-8")}


def _checked(ports: tuple[PortBits, ...], top: str) -> tuple[PortBits, ...]:
    for direction in ("input", "output"):
        if not any(p.direction == direction and p.elements for p in ports):
            raise InvalidValue(f"no {direction} port with an element", where=top, remedy="give it one")
    return ports
