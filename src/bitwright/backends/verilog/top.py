"""The modules above the layers: the plain top, and the pipeline with a clock enable below it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bitwright.backends.verilog.netlist import Design, LayerModule, sink
from bitwright.backends.verilog.ports import PortBits
from bitwright.backends.verilog.tree import (
    Assign,
    Comment,
    Expression,
    Instance,
    Item,
    Literal,
    Module,
    Net,
    Part,
    PortDeclaration,
    Ref,
)
from bitwright.ir.netlist.netlist import Port

__all__ = ["bus", "core", "summary", "wrapper"]


def core(design: Design, modules: Sequence[LayerModule], ports: Sequence[PortBits], name: str, valid: bool) -> Module:
    """The module that cuts the buses into words and places the layers: the plain top where nothing stalls."""
    clocked = any(m.clocked for m in modules)
    inputs, outputs = _sides(ports)
    controls = ("clk", "ce") if design.stalls else ("clk", "rst", "in_valid") if valid else ("clk",)
    heads = [PortDeclaration("input", "wire", c, 1) for c in controls]
    if valid:
        heads.append(PortDeclaration("output", "wire", "out_valid", 1))
    heads += [bus(port) for port in ports]
    idle: list[Expression] = [] if clocked or valid else [Ref(c) for c in controls]
    items = [*_inputs(design, modules, inputs, idle), *_instances(design, modules), *_outputs(design, outputs)]
    if valid:
        items.append(_valid_chain(design.latency_cycles))
    about = f"{summary(design, ports)}\nCuts the buses into words and places one module per layer."
    return Module(name, about, tuple(heads), tuple(items))


def wrapper(design: Design, inner: str, ports: Sequence[PortBits], valid: bool) -> Module:
    """The plain top over a pipeline that can stall: it never does here."""
    controls = ("clk", "rst", "in_valid") if valid else ("clk",)
    heads = [PortDeclaration("input", "wire", c, 1) for c in controls]
    if valid:
        heads.append(PortDeclaration("output", "wire", "out_valid", 1))
    heads += [bus(port) for port in ports]
    fixed: list[tuple[str, Expression]] = [("clk", Ref("clk")), ("ce", Literal(1, 1))]
    connections = (*fixed, *((p.name, Ref(p.name)) for p in ports))
    items: list[Item] = [Instance(inner, _instance_name(design, "pipeline"), connections)]
    if valid:
        items.append(_valid_chain(design.latency_cycles))
    return Module(design.name, summary(design, ports), tuple(heads), tuple(items))


def summary(design: Design, ports: Sequence[PortBits]) -> str:
    """What the design is, for the head of a file."""
    cycles = design.latency_cycles
    lines = [
        f"{design.name}: a fixed pipeline; latency {cycles} clock cycle{'s' if cycles != 1 else ''}, "
        "a new sample in every cycle (II = 1).",
        "Buses hold their elements in C order, element 0 in the lowest bits, without gaps; codes are two's",
        "complement where signed. Format s8.3: signed, 8 bits, 3 of them after the point. See docs/ports.md.",
    ]
    lines += [f"    {port.direction:<6} {port.name}: {_described(port)}" for port in ports]
    return "\n".join(lines)


def bus(port: PortBits) -> PortDeclaration:
    """The declaration of a port's bus."""
    return PortDeclaration(port.direction, "wire", port.name, port.bits, remark=_described(port))


def _described(port: PortBits) -> str:
    formats = set(port.formats)
    shape = " x ".join(str(n) for n in port.shape) or "scalar"
    return f"{shape} of {next(iter(formats)) if len(formats) == 1 else 'mixed formats'}"


def _sides(ports: Sequence[PortBits]) -> tuple[list[PortBits], list[PortBits]]:
    inputs = [p for p in ports if p.direction == "input"]
    return inputs, [p for p in ports if p.direction == "output"]


def _cuts(port: PortBits) -> list[tuple[int, int]]:
    """High and low bit of each element, from one place of the bus to the next."""
    ends = np.cumsum(port.widths).tolist()
    return [(end - 1, end - width) for end, width in zip(ends, port.widths, strict=True)]


def _slice(port: PortBits, high: int, low: int) -> Ref | Part:
    return Ref(port.name) if len(port.elements) == 1 else Part(port.name, high, low)


def _place(port: Port | PortBits, element: int) -> str:
    """The indices of an element, said where they are not the element's number."""
    if len(port.shape) < 2:
        return ""
    return f"{port.name}[{', '.join(str(int(i)) for i in np.unravel_index(element, port.shape))}]"


def _inputs(
    design: Design, modules: Sequence[LayerModule], ports: Sequence[PortBits], idle: list[Expression]
) -> list[Item]:
    read = {p for module in modules for p in module.inputs} | set(design.netlist.outputs)
    items: list[Item] = []
    ignored = list(idle)
    for port, bits in zip(design.netlist.inputs, ports, strict=True):
        items.append(Comment(f"the elements of {bits.name}"))
        for word, (high, low) in zip(port.words, _cuts(bits), strict=True):
            if design.constant[word] or word not in read:
                ignored.append(_slice(bits, high, low))
                continue
            operand = design.operand(word)
            items.append(Net("wire", operand.name, operand.width, operand.signed, _slice(bits, high, low)))
    return items + sink(ignored, "inputs that no layer reads")


def _instances(design: Design, modules: Sequence[LayerModule]) -> list[Item]:
    items: list[Item] = []
    for module in modules:
        items.append(Comment(f"layer {module.title}"))
        words = [design.operand(p) for p in module.outputs]
        items += [Net("wire", word.name, word.width, word.signed) for word in words]
        controls = ("clk", "ce") if design.stalls else ("clk",)
        joined = [(c, Ref(c)) for c in controls] if module.clocked else []
        joined += [(name, Ref(name)) for name in (design.names[p] for p in (*module.inputs, *module.outputs))]
        items.append(Instance(module.module.name, _instance_name(design, module.module.name), tuple(joined)))
    return items


def _instance_name(design: Design, module: str) -> str:
    return design.instance(module.removeprefix(design.name + "_"))


def _outputs(design: Design, ports: Sequence[PortBits]) -> list[Item]:
    items: list[Item] = []
    for port, bits in zip(design.netlist.results, ports, strict=True):
        items.append(Comment(f"the elements of {bits.name}"))
        for element, (word, (high, low)) in enumerate(zip(port.words, _cuts(bits), strict=True)):
            source = design.operand(word)
            items.append(Assign(_slice(bits, high, low), source.window(0, source.width), _place(port, element)))
    return items


def _valid_chain(latency: int) -> Instance:
    names = ("clk", "rst", "in_valid", "out_valid")
    return Instance("bw_valid", "u_bw_valid", tuple((n, Ref(n)) for n in names), (("LATENCY", latency),))
