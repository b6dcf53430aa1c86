"""What stands at a design's edge, for every project file: modules, pins, words and the tensors that they carry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from bitwright.core.errors import ConfigError
from bitwright.ir.netlist import Word

__all__ = ["Block", "Bus", "Door", "Lanes", "Outside", "Pin", "Tensor", "Top"]

Direction = Literal["input", "output"]


@dataclass(frozen=True, slots=True)
class Pin:
    """One port of a module; `bus` is the prefix of the interface that it belongs to, `role` its part there."""

    name: str
    direction: Direction
    bits: int
    role: str
    bus: str = ""


@dataclass(frozen=True, slots=True)
class Lanes:
    """`count` equal lanes from lane `first` on, side by side from bit `low_bit` up."""

    first: int
    count: int
    low_bit: int
    word: Word


@dataclass(frozen=True, slots=True)
class Bus:
    """A tensor in the words of a door: element e is lane e % lanes of word e // lanes, in C order.

    `words` are the lanes, the first one at bit `low_bit`, nothing between them; codes are two's complement where the
    lane is signed and plain binary else.
    """

    tensor: str
    low_bit: int
    words: tuple[Word, ...]

    @property
    def bits(self) -> int:
        """Bits of all lanes."""
        return sum(word.width for word in self.words)

    def runs(self) -> list[Lanes]:
        """The lanes with equal neighbors taken together."""
        found: list[Lanes] = []
        low = self.low_bit
        for lane, word in enumerate(self.words):
            last = found[-1] if found else None
            if last is not None and last.word == word:
                found[-1] = Lanes(last.first, last.count + 1, last.low_bit, word)
            else:
                found.append(Lanes(lane, 1, low, word))
            low += word.width
        return found


@dataclass(frozen=True, slots=True)
class Door:
    """Where tensors go in or out: a plain port `name`, or the AXI4-Stream with that prefix; `beats` are a frame."""

    name: str
    direction: Direction
    bits: int
    beats: int
    buses: tuple[Bus, ...]
    stream: bool = True

    def pins(self) -> list[Pin]:
        """The ports of the module that it consists of."""
        if not self.stream:
            return [Pin(self.name, self.direction, self.bits, "data", self.name)]
        back: Direction = "output" if self.direction == "input" else "input"
        widths = (("tdata", self.bits), ("tvalid", 1), ("tready", 1), ("tlast", 1))
        return [
            Pin(f"{self.name}_{role}", back if role == "tready" else self.direction, bits, role, self.name)
            for role, bits in widths
        ]


@dataclass(frozen=True, slots=True)
class Top:
    """A module that can be placed: its doors, its files and its timing.

    `sources` are Verilog files, `images` memory contents that they read by bare name; `benches` those of the
    self-checking bench (the module `<module>_tb`), which reads `vectors` by bare name. Paths start at the build's
    folder. `others`: ports beside doors, clock and reset, such as those of `s_axil` (AXI4-Lite, for control) and
    `m_axi` (AXI4, to external memory).
    """

    module: str
    doors: tuple[Door, ...]
    sources: tuple[str, ...]
    images: tuple[str, ...]
    benches: tuple[str, ...]
    vectors: tuple[str, ...]
    latency_cycles: int
    initiation_cycles: int
    valid: bool = False
    others: tuple[Pin, ...] = ()

    @property
    def control_bits(self) -> int:
        """Address bits of the AXI4-Lite slave `s_axil`; 0 where there is none."""
        return next((pin.bits for pin in self.others if pin.name == "s_axil_awaddr"), 0)

    @property
    def reads_memory(self) -> bool:
        """Whether weights come from external memory, through `m_axi`."""
        return any(pin.bus == "m_axi" for pin in self.others)

    @property
    def streams(self) -> bool:
        """Whether its doors are AXI4-Streams."""
        return self.doors[0].stream

    @property
    def clock(self) -> str:
        """The clock's name."""
        return "aclk" if self.streams else "clk"

    @property
    def reset(self) -> str:
        """The reset's name; none where nothing has to be reset."""
        return "aresetn" if self.streams else "rst" if self.valid else ""

    @property
    def inputs(self) -> list[Door]:
        """The doors in, in order."""
        return [door for door in self.doors if door.direction == "input"]

    @property
    def outputs(self) -> list[Door]:
        """The doors out, in order."""
        return [door for door in self.doors if door.direction == "output"]

    def pins(self) -> list[Pin]:
        """All ports of the module, clock and reset first."""
        pins = [Pin(self.clock, "input", 1, "clock")]
        if self.reset:
            pins.append(Pin(self.reset, "input", 1, "reset"))
        if self.valid:
            pins += [Pin("in_valid", "input", 1, "valid"), Pin("out_valid", "output", 1, "valid")]
        return pins + [pin for door in self.doors for pin in door.pins()] + list(self.others)

    @property
    def buses(self) -> list[str]:
        """Prefixes of the interfaces, streams first."""
        return list(dict.fromkeys(pin.bus for pin in self.pins() if pin.bus))


@dataclass(frozen=True, slots=True)
class Tensor:
    """An input or output of the network: shape, ranges and steps, and what stands between codes and floats.

    `low`, `high` and `step` are lists of one entry or one per element (C order), steps as texts such as `1/8`.
    `meaning`: the encoder of an input or the decoder of an output, as plain data.
    """

    name: str
    direction: Direction
    shape: tuple[int, ...]
    low: tuple[int, ...]
    high: tuple[int, ...]
    step: tuple[str, ...]
    meaning: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Outside:
    """What a memory behind `m_axi` holds: beats of `data_bits` from its base on, a line of hexadecimal digits each.

    `bytes` are all that the design reaches, those behind the contents for feature maps.
    """

    data_bits: int
    lines: str
    bytes: int


@dataclass(frozen=True)
class Block:
    """A design for those who place it: tops, tensors, clock, part, and golden words for its doors.

    `golden`: for each stream of the streaming top the beats of some frames, a line of hexadecimal digits each.
    `about` is what stands at the head of every file, `digest` the hash of the graph. `registers`: the record of its
    control interface, empty where there is none; `memories`: what its memories are to hold, words by name.
    `outside`: the contents of external memory, where the streaming top reads one.
    """

    name: str
    architecture: str
    device: str
    clock_mhz: float
    about: str
    digest: str
    tops: tuple[Top, ...]
    tensors: tuple[Tensor, ...]
    golden: Mapping[str, str] = field(default_factory=dict[str, str])
    frames: int = 0
    registers: Mapping[str, Any] = field(default_factory=dict[str, Any])
    memories: Mapping[str, Sequence[int]] = field(default_factory=dict[str, Sequence[int]])
    outside: Outside | None = None

    @property
    def period_ns(self) -> float:
        """The clock's period, to a picosecond."""
        return round(1000.0 / self.clock_mhz, 3)

    @property
    def first(self) -> Top:
        """The top that is built alone: the plain pipeline where there is one."""
        return self.tops[0]

    @cached_property
    def streaming(self) -> Top:
        """The top with AXI4-Stream doors; raises `ConfigError` where it was not asked for."""
        for top in self.tops:
            if top.streams:
                return top
        raise ConfigError(
            "this project joins AXI4-Streams, and the design has none", where=self.name, remedy="write(..., axis=True)"
        )

    def tensor(self, name: str) -> Tensor:
        """The tensor called `name`."""
        return next(tensor for tensor in self.tensors if tensor.name == name)

    def beat_values(self, door: Door) -> Sequence[int]:
        """The golden beats of a stream as integers."""
        return [int(line, 16) for line in self.golden[door.name].split()]
