"""Bare metal: a C99 driver for control, memories and DMA, and the golden-vector self-test."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bitwright.backends.projects.interface import Block, Door
from bitwright.backends.projects.memory_mapped import beat_bytes
from bitwright.backends.projects.outside import controlled, registers_of
from bitwright.backends.projects.tcl import library
from bitwright.core.errors import ConfigError

__all__ = ["baremetal", "design_header"]

_ROW = 12
"""Numbers of an array that stand in a line."""


def baremetal(block: Block, part: str = "") -> dict[str, str]:
    """`projects/baremetal/`: the driver, `design.h` of this network, and `main.c`, the self-test on the board.

    Raises `ConfigError` for networks of several inputs or outputs, which need a DMA engine each.
    """
    folder = "projects/baremetal"
    return {
        f"{folder}/bw_network.h": library("bw_network.h"),
        f"{folder}/bw_network.c": library("bw_network.c"),
        f"{folder}/main.c": library("bw_main.c"),
        f"{folder}/design.h": design_header(block),
    }


def design_header(block: Block) -> str:
    """Streams, memories and golden frames as constants."""
    top, registers = block.streaming, registers_of(block)
    controlled(top)  # which is refused where a processor would find two
    if len(top.doors) != 2:
        raise ConfigError(
            f"{len(top.doors)} streams", where=f"{block.name}, project baremetal",
            why="this driver has one DMA engine for one input and one output", remedy="use project pynq",
        )  # fmt: skip
    into, out = top.inputs[0], top.outputs[0]
    build = next((r["value"] for r in registers.get("registers", ()) if r["name"] == "build"), "0")
    lines = [
        f"/* {block.about} */",
        "#ifndef BW_DESIGN_H",
        "#define BW_DESIGN_H",
        "",
        '#include "bw_network.h"',
        "",
        f'#define BW_NAME "{block.name}"',
        f"#define BW_BUILD {int(build, 16):#010x}u",
        f"#define BW_GOLDEN_FRAMES {block.frames}u",
        "",
        *_stream("input", into),
        *_stream("output", out),
        *_memories(block),
        *_outside(block),
        *_array("bw_golden_in", block, into),
        *_array("bw_golden_out", block, out),
        "#endif",
    ]
    return "\n".join(lines) + "\n"


def _stream(name: str, door: Door) -> Iterator[str]:
    """A stream and its lanes; several tensors in a word follow each other."""
    rows: list[str] = []
    lanes = 0
    for bus in door.buses:
        for run in bus.runs():
            told = (lanes + run.first, run.count, run.low_bit, run.word.width, int(run.word.signed))
            rows.append(f"  {{{', '.join(f'{number}u' for number in told)}}},")
        lanes += len(bus.words)
    yield f"static const bw_run bw_{name}_runs[] = {{"
    yield from rows
    yield "};"
    sizes = f"{beat_bytes(door)}u, {door.beats}u, {lanes}u, {len(rows)}u"
    yield f'static const bw_stream bw_{name} = {{"{door.name}", {sizes}, bw_{name}_runs}};'
    yield ""


def _memories(block: Block) -> Iterator[str]:
    """The memories that can be written, and what they hold in this build: 32-bit parts, the lowest first."""
    memories = block.registers.get("memories", ())
    if not memories:
        return
    yield f"#define BW_MEMORIES {len(memories)}u"
    yield "static const bw_memory bw_memories[] = {"
    for memory in memories:
        numbers = ", ".join(f"{memory[key]}u" for key in ("offset", "words", "bits", "stride"))
        yield f'  {{"{memory["name"]}", {numbers}}},'
    yield "};"
    yield ""
    counts: list[int] = []
    for number, memory in enumerate(memories):
        parts = -(-memory["bits"] // 32)
        values = [w >> 32 * part & 0xFFFFFFFF for w in block.memories.get(memory["name"], ()) for part in range(parts)]
        counts.append(len(values))
        yield f"static const uint32_t bw_words_{number}[] = {{"
        yield from _rows([f"0x{value:08x}u" for value in values] or ["0u"])
        yield "};"
    yield f"static const uint32_t *const bw_words[] = {{{', '.join(f'bw_words_{k}' for k in range(len(counts)))}}};"
    yield f"static const size_t bw_word_counts[] = {{{', '.join(f'{count}u' for count in counts)}}};"
    yield ""


def _outside(block: Block) -> Iterator[str]:
    """What external memory holds, and how much of it the network reaches."""
    if block.outside is None:
        return
    size = block.outside.data_bits // 8
    raw = b"".join(int(line, 16).to_bytes(size, "little") for line in block.outside.lines.split())
    yield f"#define BW_OUTSIDE_BYTES {block.outside.bytes}u"
    yield "static const uint8_t bw_image[] = {"
    yield from _rows([f"0x{byte:02x}" for byte in raw])
    yield "};"
    yield ""


def _rows(values: Sequence[str]) -> Iterator[str]:
    for at in range(0, len(values), _ROW):
        yield "  " + " ".join(f"{value}," for value in values[at : at + _ROW])


def _array(name: str, block: Block, door: Door) -> Iterator[str]:
    """Golden words as bytes in memory."""
    size = beat_bytes(door)
    raw = b"".join(value.to_bytes(size, "little") for value in block.beat_values(door))
    yield f"static const uint8_t {name}[] = {{"
    yield from _rows([f"0x{byte:02x}" for byte in raw])
    yield "};"
    yield ""
