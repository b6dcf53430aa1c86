"""The tops of emitted Verilog, described for project files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from bitwright.backends.projects.interface import Bus, Direction, Door, Pin, Top
from bitwright.backends.verilog.axis import byte_slices
from bitwright.backends.verilog.emit import Emitted
from bitwright.backends.verilog.ports import PortBits
from bitwright.backends.verilog.stream.emit import StreamEmitted
from bitwright.backends.verilog.stream.ports import StreamPort

__all__ = ["pipeline_tops", "stream_top"]


def pipeline_tops(emitted: Emitted, tensors: Sequence[str], *, valid: bool) -> tuple[Top, ...]:
    """The fixed pipeline, and the AXI4-Stream top around it where there is one; `tensors` by port."""
    named = list(zip(emitted.ports, tensors, strict=True))
    doors = tuple(
        Door(port.name, port.direction, port.bits, 1, (Bus(name, 0, port.elements),), stream=False)
        for port, name in named
    )
    plain = Top(
        emitted.top, doors, emitted.sources, (), emitted.benches, _vectors(emitted.files, f"{emitted.top}_", "in out"),
        emitted.latency_cycles, 1, valid=valid,
    )  # fmt: skip
    if emitted.axis_top is None:
        return (plain,)
    sides: tuple[tuple[str, Direction], ...] = (("s_axis", "input"), ("m_axis", "output"))
    streams = tuple(_joined(name, way, [(p, t) for p, t in named if p.direction == way]) for name, way in sides)
    vectors = _vectors(emitted.files, f"{emitted.axis_top}_", "in out")
    stream = Top(
        emitted.axis_top, streams, emitted.axis_sources, (), emitted.axis_benches, vectors,
        emitted.latency_cycles + 1, 1,
    )  # fmt: skip
    return (plain, stream)


def _joined(name: str, direction: Direction, ports: Sequence[tuple[PortBits, str]]) -> Door:
    """All buses of a side in one word, each from a whole byte on."""
    places = byte_slices([port for port, _ in ports])
    buses = tuple(Bus(tensor, low, port.elements) for (port, tensor), low in zip(ports, places[:-1], strict=True))
    return Door(name, direction, places[-1], 1, buses)


def stream_top(
    emitted: StreamEmitted, tensors: Sequence[str], *, latency_cycles: int, initiation_cycles: int
) -> Top:  # fmt: skip
    """A top with a stream for each tensor; what else its module declares becomes `others`."""
    doors = tuple(_door(port, name) for port, name in zip(emitted.ports, tensors, strict=True))
    vectors = _vectors(emitted.files, f"{emitted.top}_", " ".join([port.prefix for port in emitted.ports] + ["memory"]))
    bare = Top(
        emitted.top, doors, emitted.sources, emitted.images, emitted.benches, vectors, latency_cycles,
        initiation_cycles,
    )  # fmt: skip
    known = {pin.name for pin in bare.pins()}
    declared = _declared(emitted.files[f"rtl/{emitted.top}.v"])
    return replace(bare, others=tuple(pin for pin in declared if pin.name not in known))


_PORT = re.compile(r"^ *(input|output) +wire +(?:\[(\d+):0\] +)?(\w+)", re.MULTILINE)
_BUSES = ("s_axil", "m_axi")


def _declared(verilog: str) -> list[Pin]:
    """The ports in the head of a module as the printer writes it."""
    found: list[Pin] = []
    for way, top, name in _PORT.findall(verilog[: verilog.index(");")]):
        bus = next((bus for bus in _BUSES if name.startswith(f"{bus}_")), "")
        direction: Direction = "input" if way == "input" else "output"
        found.append(Pin(name, direction, int(top or 0) + 1, name.removeprefix(f"{bus}_") if bus else "other", bus))
    return found


def _door(port: StreamPort, tensor: str) -> Door:
    direction: Direction = "input" if port.direction == "input" else "output"
    bus = Bus(tensor, 0, tuple(port.stream.lane_words()))
    return Door(port.prefix, direction, port.data_bits, port.words, (bus,))


def _vectors(files: dict[str, str], start: str, tails: str) -> tuple[str, ...]:
    """The files of golden vectors that were written."""
    return tuple(path for path in (f"tb/{start}{tail}.hex" for tail in tails.split()) if path in files)
