"""A Vitis kernel: the AXI4-Stream top, always running, under the names of clock and reset that Vitis asks for."""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement, indent, tostring

from bitwright.backends.projects.interface import Block, Pin, Top
from bitwright.backends.projects.tcl import facts, library
from bitwright.backends.verilog.printer import module as printed
from bitwright.backends.verilog.tree import Instance, Module, PortDeclaration, Ref

__all__ = ["kernel_xml", "vitis", "wrapper"]

_NAMES = {"aclk": "ap_clk", "aresetn": "ap_rst_n"}


def vitis(block: Block, part: str) -> dict[str, str]:
    """`projects/vitis/`: the module `<top>_kernel`, `kernel.xml`, the script that packs both, and links for `v++`."""
    top = block.alone("vitis")
    kernel = f"{top.module}_kernel"
    own = f"projects/vitis/{kernel}.v"
    control = "user_managed" if top.control_bits else "ap_ctrl_none"
    told = facts(block, part, [top]) + f"set kernel {kernel}\nset own {{{own}}}\nset protocol {control}\n"
    return {
        own: printed(wrapper(top, kernel), block.about),
        "projects/vitis/facts.tcl": told,
        "projects/vitis/arguments.tcl": library("arguments.tcl"),
        "projects/vitis/package_xo.tcl": library("vitis_package_xo.tcl"),
        "projects/vitis/kernel.xml": kernel_xml(block, top, kernel),
        "projects/vitis/link.cfg": _links(top, kernel, block),
    }


def wrapper(top: Top, kernel: str) -> Module:
    """`top` with `ap_clk` and `ap_rst_n`."""
    pins = top.pins()
    heads = tuple(PortDeclaration(pin.direction, "wire", _outside(pin), pin.bits) for pin in pins)
    joined = tuple((pin.name, Ref(_outside(pin))) for pin in pins)
    return Module(kernel, f"{top.module} as a kernel of Vitis.", heads, (Instance(top.module, "u_network", joined),))


def _outside(pin: Pin) -> str:
    return _NAMES.get(pin.name, pin.name)


def kernel_xml(block: Block, top: Top, kernel: str) -> str:
    """What Vitis is told about the kernel's ports; streams are no arguments of a host's call."""
    root = Element("root", {"versionMajor": "1", "versionMinor": "6"})
    told = {
        "name": kernel, "language": "ip", "vlnv": f"bitwright:networks:{kernel}:1.0", "attributes": "",
        "preferredWorkGroupSizeMultiple": "0", "workGroupSize": "1", "interrupt": "false",
        "hwControlProtocol": "user_managed" if top.control_bits else "ap_ctrl_none",
    }  # fmt: skip
    made = SubElement(root, "kernel", told)
    ports, arguments = SubElement(made, "ports"), SubElement(made, "args")
    for number, door in enumerate(top.doors):
        mode = "read_only" if door.direction == "input" else "write_only"
        told = {"name": door.name, "mode": mode, "dataWidth": str(door.bits), "portType": "stream"}
        SubElement(ports, "port", told)
        place = {"size": "0x0", "offset": "0x0", "hostOffset": "0x0", "hostSize": "0x0", "type": ""}
        told = {"name": door.name, "addressQualifier": "4", "id": str(number), "port": door.name, **place}
        SubElement(arguments, "arg", told)
    if top.control_bits:
        reach = {"range": f"{1 << top.control_bits:#x}", "dataWidth": "32", "portType": "addressable", "base": "0x0"}
        SubElement(ports, "port", {"name": "s_axil", "mode": "slave", **reach})
    indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(root, encoding="unicode")}\n'


def _links(top: Top, kernel: str, block: Block) -> str:
    """Where the streams go is for the platform to say: names to fill in, with their widths."""
    lines = [
        f"# {block.about}",
        f"# v++ --link --config link.cfg {kernel}.xo <movers>.xo -o network.xclbin",
        "[connectivity]",
        f"nk={kernel}:1:{kernel}_1",
    ]
    for door in top.doors:
        into = door.direction == "input"
        ends = (f"<mover>.{door.name}", f"{kernel}_1.{door.name}")
        source, sink = ends if into else ends[::-1]
        lines.append(f"# {door.bits} bits, {door.beats} words a frame, TLAST on the last one")
        lines.append(f"# stream_connect={source}:{sink}")
    lines += ["[clock]", f"freqHz={round(block.clock_mhz * 1e6)}:{kernel}_1.ap_clk"]
    return "\n".join(lines) + "\n"
