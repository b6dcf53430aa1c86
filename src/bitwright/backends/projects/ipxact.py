"""IP-XACT: the component for catalogs of IP, in the standard's editions of 2009 (Vivado reads that one) and 2014."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from bitwright.backends.projects.interface import Block, Pin, Top

__all__ = ["EDITION_2009", "EDITION_2014", "VERSION", "Edition", "component", "ipxact"]

VERSION = "1.0"
_VENDOR, _LIBRARY = "bitwright", "networks"
_XILINX = "http://www.xilinx.com"
_FAMILIES = """
    artix7 kintex7 spartan7 virtex7 zynq kintexu virtexu artixuplus kintexuplus virtexuplus virtexuplusHBM zynquplus
    zynquplusRFSOC versal
"""


@dataclass(frozen=True, slots=True)
class Edition:
    """What differs between editions; `stream`, `lite` and `memory` name AXI4-Stream, AXI4-Lite and AXI4 there.

    signals: clock and reset are interfaces of their own (Vivado's habit), instead of wires of each stream.
    """

    prefix: str
    space: str
    file: str
    stream: tuple[str, str, str, str]
    lite: tuple[str, str, str, str]
    memory: tuple[str, str, str, str]
    signals: bool
    nested: bool

    def tag(self, parent: Element | None, name: str, text: object = None, /, **attributes: str) -> Element:
        """An element of the standard below `parent`."""
        told = {f"{self.prefix}:{key}" if self.signals else key: value for key, value in attributes.items()}
        full = f"{self.prefix}:{name}"
        made = Element(full, told) if parent is None else SubElement(parent, full, told)
        if text is not None:
            made.text = str(text)
        return made


EDITION_2009 = Edition(
    "spirit", "http://www.spiritconsortium.org/XMLSchema/SPIRIT/1685-2009", "component.xml",
    ("xilinx.com", "interface", "axis", "1.0"), ("xilinx.com", "interface", "aximm", "1.0"),
    ("xilinx.com", "interface", "aximm", "1.0"), signals=True, nested=False,
)  # fmt: skip
EDITION_2014 = Edition(
    "ipxact", "http://www.accellera.org/XMLSchema/IPXACT/1685-2014", "component-2014.xml",
    ("amba.com", "AMBA4", "AXI4Stream", "r0p0_1"), ("amba.com", "AMBA4", "AXI4-Lite", "r0p0_0"),
    ("amba.com", "AMBA4", "AXI4", "r0p0_0"), signals=False, nested=True,
)  # fmt: skip


def ipxact(block: Block, part: str = "") -> dict[str, str]:
    """`component.xml` (IEEE 1685-2009) and `component-2014.xml`, beside `rtl/`: the folder is a place for a catalog."""
    return {edition.file: component(block, edition) for edition in (EDITION_2009, EDITION_2014)}


def component(block: Block, edition: Edition) -> str:
    """The AXI4-Stream top as a component."""
    return _Component(block, block.streaming, edition).text()


@dataclass(frozen=True)
class _Component:
    block: Block
    top: Top
    edition: Edition

    def text(self) -> str:
        """The document."""
        tag = self.edition.tag
        root = tag(None, "component")
        root.set(f"xmlns:{self.edition.prefix}", self.edition.space)
        root.set("xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance")
        for name, text in zip(("vendor", "library", "name", "version"), self._name(), strict=True):
            tag(root, name, text)
        self._interfaces(tag(root, "busInterfaces"))
        if self.top.control_bits:
            self._memory_map(tag(root, "memoryMaps"))
        self._model(tag(root, "model"))
        self._files(tag(root, "fileSets"))
        tag(root, "description", self.block.about)
        if self.edition.signals:
            self._extensions(root)
        indent(root)
        return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"

    def _name(self) -> tuple[str, str, str, str]:
        return (_VENDOR, _LIBRARY, self.top.module, VERSION)

    def _interfaces(self, parent: Element) -> None:
        names = self.top.buses
        kinds = {"s_axil": self.edition.lite, "m_axi": self.edition.memory}
        for name in names:
            pins = [pin for pin in self.top.pins() if pin.bus == name]
            self._interface(parent, name, kinds.get(name, self.edition.stream), pins)
        if self.edition.signals:
            told = {"ASSOCIATED_BUSIF": ":".join(names), "ASSOCIATED_RESET": self.top.reset}
            told["FREQ_HZ"] = str(round(self.block.clock_mhz * 1e6))
            self._signal(parent, self.top.clock, "clock", "CLK", told)
            self._signal(parent, self.top.reset, "reset", "RST", {"POLARITY": "ACTIVE_LOW"})

    def _interface(self, parent: Element, name: str, kind: tuple[str, str, str, str], pins: Sequence[Pin]) -> None:
        wires = [(pin.role.upper(), pin.name) for pin in pins]
        if not self.edition.signals:
            wires += [("ACLK", self.top.clock), ("ARESETn", self.top.reset)]
        into = name.startswith("s_")

        def mode(interface: Element) -> None:
            side = self.edition.tag(interface, "slave" if into else "master")
            if name == "s_axil":
                self.edition.tag(side, "memoryMapRef", memoryMapRef="s_axil")

        self._bus(parent, name, kind, wires, mode)

    def _signal(self, parent: Element, name: str, kind: str, wire: str, told: dict[str, str]) -> None:
        """Clock or reset as an interface with parameters."""
        tag = self.edition.tag
        full = ("xilinx.com", "signal", kind, "1.0")
        interface = self._bus(parent, name, full, [(wire, name)], lambda made: tag(made, "slave"))
        parameters = tag(interface, "parameters")
        for key, value in told.items():
            each = tag(parameters, "parameter")
            tag(each, "name", key)
            tag(each, "value", value)

    def _bus(
        self, parent: Element, name: str, kind: tuple[str, str, str, str], wires: Sequence[tuple[str, str]],
        mode: Callable[[Element], Any],
    ) -> Element:  # fmt: skip
        tag = self.edition.tag
        interface = tag(parent, "busInterface")
        tag(interface, "name", name)
        vendor, library, short, version = kind
        tag(interface, "busType", vendor=vendor, library=library, name=short, version=version)
        told = {"vendor": vendor, "library": library, "name": f"{short}_rtl", "version": version}
        if self.edition.nested:
            inner = tag(tag(interface, "abstractionTypes"), "abstractionType")
            tag(inner, "abstractionRef", **told)
            self._maps(inner, wires)
            mode(interface)
        else:
            tag(interface, "abstractionType", **told)
            mode(interface)
            self._maps(interface, wires)
        return interface

    def _maps(self, parent: Element, wires: Sequence[tuple[str, str]]) -> None:
        tag = self.edition.tag
        maps = tag(parent, "portMaps")
        for logical, physical in wires:
            each = tag(maps, "portMap")
            tag(tag(each, "logicalPort"), "name", logical)
            tag(tag(each, "physicalPort"), "name", physical)

    def _memory_map(self, parent: Element) -> None:
        tag = self.edition.tag
        made = tag(parent, "memoryMap")
        tag(made, "name", "s_axil")
        block = tag(made, "addressBlock")
        tag(block, "name", "control")
        tag(block, "baseAddress", 0)
        tag(block, "range", 1 << self.top.control_bits)
        tag(block, "width", 32)
        tag(block, "usage", "register")
        for register in self.block.registers.get("registers", ()):
            each = tag(block, "register")
            tag(each, "name", register["name"])
            if register.get("description"):
                tag(each, "description", register["description"])
            tag(each, "addressOffset", register["offset"])
            tag(each, "size", 32)
            access = "read-only" if register["access"] == "ro" else "read-write"
            if self.edition.nested:
                field = tag(each, "field")
                tag(field, "name", "value")
                tag(field, "bitOffset", 0)
                tag(field, "bitWidth", 32)
                tag(field, "access", access)
            else:
                tag(each, "access", access)

    def _model(self, parent: Element) -> None:
        tag = self.edition.tag
        view = tag(tag(parent, "views"), "view")
        tag(view, "name", "synthesis")
        tag(view, "envIdentifier", "verilogSource:vivado.xilinx.com:synthesis" if self.edition.signals else "::")
        where = view
        if self.edition.nested:
            tag(view, "componentInstantiationRef", "verilog")
            where = tag(tag(parent, "instantiations"), "componentInstantiation")
            tag(where, "name", "verilog")
        tag(where, "language", "verilog")
        tag(where, "moduleName" if self.edition.nested else "modelName", self.top.module)
        tag(tag(where, "fileSetRef"), "localName", "rtl")
        ports = tag(parent, "ports")
        for pin in self.top.pins():
            self._port(ports, pin)

    def _port(self, parent: Element, pin: Pin) -> None:
        tag = self.edition.tag
        port = tag(parent, "port")
        tag(port, "name", pin.name)
        wire = tag(port, "wire")
        tag(wire, "direction", "in" if pin.direction == "input" else "out")
        if pin.bits > 1:
            vector = tag(tag(wire, "vectors") if self.edition.nested else wire, "vector")
            tag(vector, "left", pin.bits - 1)
            tag(vector, "right", 0)

    def _files(self, parent: Element) -> None:
        tag = self.edition.tag
        made = tag(parent, "fileSet")
        tag(made, "name", "rtl")
        constraint = f"constraints/{self.top.module}.xdc"
        for path in (*self.top.sources, *self.top.images, constraint):
            file = tag(made, "file")
            tag(file, "name", path)
            if path in self.top.sources:
                tag(file, "fileType", "verilogSource")
            elif self.edition.nested:
                tag(file, "fileType", "user", user="xdc" if path == constraint else "mif")
            else:
                tag(file, "userFileType", "xdc" if path == constraint else "mif")

    def _extensions(self, root: Element) -> None:
        """What Vivado wants to know besides."""
        root.set("xmlns:xilinx", _XILINX)
        core = SubElement(self.edition.tag(root, "vendorExtensions"), "xilinx:coreExtensions")
        families = SubElement(core, "xilinx:supportedFamilies")
        for family in _FAMILIES.split():
            SubElement(families, "xilinx:family", {"xilinx:lifeCycle": "Production"}).text = family
        taxonomies = SubElement(core, "xilinx:taxonomies")
        SubElement(taxonomies, "xilinx:taxonomy").text = "/UserIP"
        SubElement(core, "xilinx:displayName").text = self.top.module
        SubElement(core, "xilinx:coreRevision").text = "1"
