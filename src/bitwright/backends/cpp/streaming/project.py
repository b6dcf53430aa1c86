"""The HLS project of a dataflow or engine program: sources, weights, a bench that feeds frames, scripts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from bitwright.backends.cpp.dialects import Dialect, dialect
from bitwright.backends.cpp.printer import printed, remark
from bitwright.backends.cpp.project import HlsFiles, Target, Vectors, golden, library, scripts
from bitwright.backends.cpp.streaming.document import Document, Memory, document
from bitwright.backends.cpp.streaming.engine import engine_document
from bitwright.backends.cpp.streaming.vendors import CHANNELS, vendor_header
from bitwright.backends.cpp.tree import Namespace
from bitwright.core.errors import ConfigError
from bitwright.core.naming import identifier
from bitwright.ir.dataflow import Dataflow
from bitwright.ir.engine import Engine

__all__ = ["engine_project", "framed_project", "stream_project"]

_COLUMNS = 110
_LIBRARY = ("bw_simulation.h", "bw_stored.h", "bw_stream.h")


def stream_project(
    program: Dataflow, target: Target, *, name: str = "", vectors: Vectors | None = None, header: str = "",
    loadable: bool = False,
) -> HlsFiles:  # fmt: skip
    """`program` with its channels as HLS C++: `<name>.h`, `<name>.cpp`, a header of weights for each memory, library.

    The top function takes a frame from AXI4-Streams and gives one, lanes packed as in the Verilog (`StreamPort`).
    vectors: golden codes (frames, *shape) for the bench. loadable: weights are arguments of the top function, a
    memory each, instead of constants.
    """
    label, words = identifier(name or program.name), dialect(target.vendor)
    if loadable and CHANNELS[words.name].tasks:
        raise ConfigError("loadable weights", where=f"vendor {words.name!r}", remedy="leave them constants there")
    made = document(program, label, words, loadable)
    return _project(made, target, label, header, vectors)


def engine_project(
    program: Engine, target: Target, *, name: str = "", vectors: Vectors | None = None, header: str = "",
    loadable: bool = False,
) -> HlsFiles:  # fmt: skip
    """`program` as one function that executes a frame's instructions from a ROM; files as of `stream_project`.

    loadable: weights are an argument of the top function, as they always are where they lie in external memory.
    """
    label, words = identifier(name or program.name), dialect(target.vendor)
    outside = loadable or program.machine.external is not None
    made = engine_document(program, label, words, outside)
    return _project(made, target, label, header, vectors)


def framed_project(program: Dataflow | Engine, target: Target, **told: Any) -> HlsFiles:
    """`stream_project` or `engine_project`, as the program is."""
    return (
        stream_project(program, target, **told)
        if isinstance(program, Dataflow)
        else engine_project(program, target, **told)
    )


def _project(made: Document, target: Target, label: str, header: str, vectors: Vectors | None) -> HlsFiles:
    files = _files(made, target, label, header)
    return HlsFiles(label, target.vendor, files | _bench_files(made, target, label, vectors))


def _files(made: Document, target: Target, label: str, header: str) -> dict[str, str]:
    """Header, source, weights, the library, and what belongs to the vendor."""
    top, words = f"// {remark(header) or label}\n", dialect(target.vendor)
    return {
        f"{label}.h": top + _header(made, label),
        f"{label}.cpp": top + _source(made, label),
        **{f"{label}_{m.name}.h": top + "".join(_weights(m, label)) for m in made.memories},
        "bw_vendor.h": vendor_header(words, CHANNELS[words.name]),
        **{file: library(file) for file in dict.fromkeys((*_LIBRARY, *made.includes))},
    }


def _bench_files(made: Document, target: Target, label: str, vectors: Vectors | None) -> dict[str, str]:
    """The bench with its data, and the vendor's scripts; nothing without vectors."""
    if vectors is None:
        return {}
    words = dialect(target.vendor)
    bench = {f"{label}_tb.cpp": _bench(made, label), **golden(label, vectors)}
    return bench | scripts(label, target, words, _directives(made, label, words))


def _directives(made: Document, name: str, words: Dialect) -> list[str]:
    """Depths of channels for a tool that wants them in its script."""
    if words.name != "catapult":
        return []
    return [f"directive set /{name}/{channel}:cns -FIFO_DEPTH {depth}" for channel, depth in made.depths.items()]


def _header(made: Document, name: str) -> str:
    guard, (top,) = f"{name.upper()}_H", made.top
    head = top.head.split("\n")[-1].removeprefix("component ")
    space = printed([Namespace(f"{name}_actors", tuple(made.types))])
    includes = "".join(f'#include "{file}"\n' for file in made.includes)
    return f"#ifndef {guard}\n#define {guard}\n\n{includes}{space}\n{head};\n\n#endif\n"


def _source(made: Document, name: str) -> str:
    weights = _includes(made, name, given=False)
    space = Namespace(f"{name}_actors", (*made.tables, *made.items))
    return f'#include "{name}.h"\n{weights}\n' + printed([space, *made.top])


def _includes(made: Document, name: str, *, given: bool) -> str:
    """The headers of constants: the source has its own, the bench what it gives to the function."""
    return "".join(f'#include "{name}_{memory.name}.h"\n' for memory in made.memories if memory.given == given)


def _weights(memory: Memory, name: str) -> Iterator[str]:
    """The lines of a header with one memory's constants."""
    guard = f"{name}_{memory.name}_H".upper()
    yield f'#ifndef {guard}\n#define {guard}\n\n#include "{name}.h"\n\nnamespace {name}_actors {{\n\n'
    yield f"static {memory.constant} = {{\n"
    for row in memory.weights.codes.tolist():
        yield from _row(row)
    yield f"}};\n\n}}  // namespace {name}_actors\n\n#endif\n"


def _row(codes: Sequence[int]) -> Iterator[str]:
    """A word in its two pairs of braces."""
    line = "  {{"
    for position, code in enumerate(codes):
        text = f"{code}LL" if abs(code) >= 1 << 31 else str(code)
        text += ", " if position + 1 < len(codes) else "}},"
        if len(line) + len(text) > _COLUMNS:
            yield line.rstrip() + "\n"
            line = "    "
        line += text
    yield line + "\n"


def _bench(made: Document, name: str) -> str:
    ports, feed, compare = list[str](), list[str](), list[str]()
    for port, struct, kind in made.ports:
        ports.append(f"{kind} {port.prefix};")
        told = f"<{name}_actors::{struct}>"
        if port.direction == "input":
            feed.append(f"{name}_feed{told}(in, {port.prefix});")
        else:
            compare.append(f"bad += {name}_compare{told}(out, {port.prefix});")
    given = [port.prefix for port, _, _ in made.ports]
    for memory in made.memories:
        if memory.given:
            ports.append(f"static {name}_actors::{memory.word} {memory.name}[{len(memory.weights.codes)}];")
            ports.append(f"bw_stream::copy({name}_actors::{memory.name}, {memory.name});")
            given.append(memory.name)
    for label, word, count in made.outside:
        ports.append(f"static {name}_actors::{word} {label}[{count}];")
        given.append(label)
    fields = {
        "@WEIGHTS@": _includes(made, name, given=True),
        "@PORTS@": "\n  ".join(ports),
        "@FEED@": "\n    ".join(feed),
        "@CALL@": f"{name}({', '.join(given)});",
        "@COMPARE@": "\n    ".join(compare),
        "@NAME@": name,
    }
    text = library("stream_bench.cpp")
    for key, value in fields.items():
        text = text.replace(key, value)
    return text
