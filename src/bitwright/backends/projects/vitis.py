"""A Vitis kernel: the AXI4-Stream top, always running, under the names of clock and reset that Vitis asks for."""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement, indent, tostring

from bitwright.backends.projects.interface import Block, Pin, Top
from bitwright.backends.projects.outside import controlled, outside_items, with_outside
from bitwright.backends.projects.tcl import facts, library, words
from bitwright.backends.verilog.printer import module as printed
from bitwright.backends.verilog.tree import Instance, Module, PortDeclaration, Ref

__all__ = ["kernel_xml", "vitis", "wrapper"]

_NAMES = {"aclk": "ap_clk", "aresetn": "ap_rst_n"}


def vitis(block: Block, part: str) -> dict[str, str]:
    """`projects/vitis/`: the module `<top>_kernel`, `kernel.xml`, the script that packs both, and links for `v++`."""
    top, outer = block.streaming, controlled(block.streaming)
    kernel = f"{top.module}_kernel"
    own = {f"projects/vitis/{kernel}.v": printed(wrapper(top, kernel, block), block.about)}
    own |= with_outside(top, "projects/vitis")
    control = "user_managed" if outer.control_bits else "ap_ctrl_none"
    told = facts(block, part, [outer]) + f"set kernel {kernel}\nset own {words(list(own))}\nset protocol {control}\n"
    return {
        **own,
        "projects/vitis/facts.tcl": told,
        "projects/vitis/arguments.tcl": library("arguments.tcl"),
        "projects/vitis/package_xo.tcl": library("vitis_package_xo.tcl"),
        "projects/vitis/kernel.xml": kernel_xml(block, outer, kernel),
        "projects/vitis/link.cfg": _links(outer, kernel, block),
    }


def wrapper(top: Top, kernel: str, block: Block) -> Module:
    """`top` with `ap_clk` and `ap_rst_n`; with control where it reads memory."""
    heads = tuple(PortDeclaration(p.direction, "wire", _outside(p), p.bits) for p in controlled(top).pins())
    nets, beside, told = outside_items(top, block, "ap_clk", "ap_rst_n", top.outputs[0].name)
    joined = tuple((pin.name, told.get(pin.name, Ref(_outside(pin)))) for pin in top.pins())
    about = f"{top.module} as a kernel of Vitis."
    return Module(kernel, about, heads, (*nets, *beside, Instance(top.module, "u_network", joined)))


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
    if top.reads_memory:
        bits = next(pin.bits for pin in top.others if pin.name == "m_axi_rdata")
        wide = next(pin.bits for pin in top.others if pin.name == "m_axi_araddr")
        reach = {"range": f"{(1 << wide) - 1:#x}", "dataWidth": str(bits), "portType": "addressable", "base": "0x0"}
        SubElement(ports, "port", {"name": "m_axi", "mode": "master", **reach})
        place = {"size": "0x8", "offset": "0x10", "hostOffset": "0x0", "hostSize": "0x8", "type": "void*"}
        told = {"name": "base", "addressQualifier": "1", "id": str(len(top.doors)), "port": "m_axi", **place}
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
    if top.reads_memory:
        size = block.outside.bytes if block.outside else 0
        lines.append(f"# sp={kernel}_1.m_axi:<bank>")
        lines.append(f"# {size} bytes there; the host writes their address to registers 16 and 20, then 1 to 24")
    lines += ["[clock]", f"freqHz={round(block.clock_mhz * 1e6)}:{kernel}_1.ap_clk"]
    return "\n".join(lines) + "\n"
