"""The port table that goes with a design: which bits mean what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bitwright.backends.verilog.axis import byte_slices
from bitwright.backends.verilog.ports import PortBits, runs

__all__ = ["port_table"]


def port_table(name: str, ports: Sequence[PortBits], latency: int, valid: bool, axis: bool) -> str:
    """`docs/ports.md`: every bus, its elements' bits, formats, ranges and steps, and the timing."""
    lines = [
        f"# Ports of {name}",
        "",
        f"A new sample in every clock cycle; its result stands at the outputs {latency} "
        f"clock cycle{'s' if latency != 1 else ''} later.",
        "The value of an element is its code times the step. A format `s8.3` is signed, 8 bits, 3 of them "
        "after the point; `u` is unsigned. Elements are in C order without gaps, the first one lowest.",
        "",
        *_controls(valid),
    ]
    for port in ports:
        lines += ["", *_port(port)]
    if axis:
        lines += ["", *_axis(name, ports, latency)]
    return "\n".join(lines) + "\n"


def _controls(valid: bool) -> Iterator[str]:
    yield "| port | direction | meaning |"
    yield "|---|---|---|"
    yield "| `clk` | input | clock, rising edge |"
    if valid:
        yield "| `rst` | input | synchronous, active high; clears the valid flags, not the data |"
        yield "| `in_valid` | input | the inputs hold a sample in this cycle |"
        yield "| `out_valid` | output | the outputs hold the result of a sample |"


def _port(port: PortBits) -> Iterator[str]:
    shape = " x ".join(str(n) for n in port.shape) or "scalar"
    yield f"## `{port.name}`: {port.direction}, {port.bits} bits, {shape}"
    yield ""
    yield "| elements | bits | format | codes | step |"
    yield "|---|---|---|---|---|"
    offsets, formats, steps = port.offsets, port.formats, port.steps
    for first, last in runs(port):
        word = port.elements[first]
        top = offsets[last] + word.width - 1
        elements = f"{first}" if first == last else f"{first} to {last}"
        each = "" if first == last else f", {word.width} each"
        yield (
            f"| {elements} | [{top}:{offsets[first]}]{each} | {formats[first]} | {word.low} to {word.high} "
            f"| {steps[first]} |"
        )


def _axis(name: str, ports: Sequence[PortBits], latency: int) -> Iterator[str]:
    yield f"## AXI4-Stream: `{name}_axis`"
    yield ""
    yield (
        "One sample is one beat. Every bus begins at a whole byte; bits above it are ignored on the way in "
        f"and zero on the way out. Latency {latency + 1} cycles while nobody waits. TLAST goes along."
    )
    yield ""
    yield "| stream | bits | bus |"
    yield "|---|---|---|"
    for stream, direction in (("s_axis_tdata", "input"), ("m_axis_tdata", "output")):
        side = [p for p in ports if p.direction == direction]
        for port, low in zip(side, byte_slices(side)[:-1], strict=True):
            yield f"| `{stream}` | [{low + port.bits - 1}:{low}] | `{port.name}` |"
