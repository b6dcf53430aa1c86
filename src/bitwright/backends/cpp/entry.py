"""The ways into an emulator: `predict`, `predict_codes` and `run` in C++, and the same with C names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bitwright.backends.cpp.carriers import carrier
from bitwright.backends.cpp.printer import printed
from bitwright.backends.cpp.tree import Block, Comment, Function, Item, Line, Namespace, Statement, Struct
from bitwright.ir.graph import TensorType
from bitwright.ir.interface import Head

__all__ = ["Port", "c_interface", "entries"]


@dataclass(frozen=True, slots=True)
class Port:
    """An input or output: its name, the tensor in which it stands, its type and its door."""

    name: str
    member: str
    type: TensorType
    door: Struct
    source: int = 0
    head: Head = Head.NONE

    @property
    def code(self) -> str:
        """The C++ type of its codes."""
        return carrier(self.type).text

    def describe(self) -> dict[str, Any]:
        """Name, shape, type and range as plain data."""
        low, high = (end.array.tolist() for end in (self.type.low, self.type.high))
        return {"name": self.name, "shape": list(self.type.shape), "type": carrier(self.type).numpy,
                "low": low, "high": high}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Entry:
    """One function: its name, and what it does on either side of a block (statements per port)."""

    name: str
    about: str
    given: Sequence[str]
    taken: Sequence[str]
    before: Sequence[str]
    after: Sequence[Sequence[str]]


def entries(inputs: Sequence[Port], outputs: Sequence[Port], lanes: int) -> list[Item]:
    """Doors and functions; blocks of `lanes` samples, then what is left one by one."""
    doors: list[Item] = [
        *(Namespace(f"input{i}", (p.door,), f"The door of input {p.name}.") for i, p in enumerate(inputs)),
        *(Namespace(f"output{i}", (p.door,), f"The door of output {p.name}.") for i, p in enumerate(outputs)),
    ]
    items: list[Item] = [Namespace("doors", tuple(doors)), *_sizes(inputs, outputs)]
    for entry in _entries(inputs, outputs):
        items += [_block(entry), *_public(entry, inputs, outputs, lanes)]
    return items


def _sizes(inputs: Sequence[Port], outputs: Sequence[Port]) -> list[Item]:
    """How many numbers a sample has."""
    sides = (("input", inputs), ("output", outputs))
    return [
        Line(f"inline constexpr std::size_t {side}_sizes[] = {{{', '.join(str(p.type.size) for p in ports)}}};")
        for side, ports in sides
    ]


def _entries(inputs: Sequence[Port], outputs: Sequence[Port]) -> list[_Entry]:
    floats = [f"const float* x{i}" for i in range(1 + max(p.source for p in inputs))]
    encode = [
        f"valid = detail::encode<L, {p.type.size}, doors::input{i}::Code>(x{p.source}, t.{p.member}) && valid;"
        for i, p in enumerate(inputs)
    ]
    decode = [_decoded(i, p) for i, p in enumerate(outputs)]
    scatter = [[f"detail::scatter<L, {p.type.size}>(t.{p.member}, y{i});"] for i, p in enumerate(outputs)]
    gather = [f"detail::gather<L, {p.type.size}>(x{i}, t.{p.member});" for i, p in enumerate(inputs)]
    values = [f"float* y{i}" for i in range(len(outputs))]
    codes = [f"{p.code}* y{i}" for i, p in enumerate(outputs)]
    given = [f"const {p.code}* x{i}" for i, p in enumerate(inputs)]
    return [
        _Entry("predict", "What the model returns; false where an input is NaN.", floats, values, encode, decode),
        _Entry("predict_codes", "The integers that the hardware outputs for floats; false where an input is NaN.",
               floats, codes, encode, scatter),
        _Entry("run", "The integers that the hardware outputs for integers within the inputs' ranges.",
               given, codes, gather, scatter),
    ]  # fmt: skip


def _decoded(index: int, port: Port) -> list[str]:
    size = port.type.size
    lines = [f"detail::decode<L, {size}, doors::output{index}::Value>(t.{port.member}, y{index});"]
    if port.head is not Head.NONE:
        row = port.type.shape[-1] if port.type.shape else 1
        step = f"i += {row}"
        lines.append(
            f"for (std::size_t i = 0; i < {size} * L; {step}) detail::{port.head.value}(y{index} + i, {row});"
        )
    return lines


def _block(entry: _Entry) -> Item:
    """The function for one block of L samples."""
    body: list[Statement] = [
        Line("detail::Room<layers::Tensors<L>> room;"),
        Line("auto& t = room.get();"),
        Line("bool valid = true;"),
        *(Line(text) for text in entry.before),
        Line("layers::forward<L>(t);"),
        *(Line(text) for lines in entry.after for text in lines),
        Line("return valid;"),
    ]
    head = f"template <std::size_t L>\ninline bool {entry.name}_block({', '.join((*entry.given, *entry.taken))})"
    return Function(head, tuple(body))


def _public(entry: _Entry, inputs: Sequence[Port], outputs: Sequence[Port], lanes: int) -> list[Item]:
    """The functions for one sample and for many."""
    names = [text.split()[-1] for text in (*entry.given, *entry.taken)]
    told = ", ".join((*entry.given, *entry.taken))
    single = Function(f"inline bool {entry.name}({told})",
                      (Line(f"return {entry.name}_block<1>({', '.join(names)});"),), entry.about)  # fmt: skip
    sizes = _advances(entry, inputs, outputs)
    moved = [f"{n} + i * {size}" for n, size in zip(names, sizes, strict=True)]
    call = lambda count: f"valid = {entry.name}_block<{count}>({', '.join(moved)}) && valid;"  # noqa: E731
    body: list[Statement] = [
        Line("bool valid = true;"),
        Line(f"const std::size_t whole = samples - samples % {lanes};"),
        Block(f"for (std::size_t i = 0; i < whole; i += {lanes})", (Line(call(lanes)),)),
        Block("for (std::size_t i = whole; i < samples; ++i)", (Line(call(1)),)),
        Line("return valid;"),
    ]
    many = Function(f"inline bool {entry.name}({told}, std::size_t samples)", tuple(body),
                    "The same for many samples, one after the other.")  # fmt: skip
    return [single, many]


def _advances(entry: _Entry, inputs: Sequence[Port], outputs: Sequence[Port]) -> list[int]:
    """Numbers from one sample to the next, for each argument."""
    if entry.name == "run":
        first = [p.type.size for p in inputs]
    else:
        by_source = {p.source: p.type.size for p in inputs}
        first = [by_source.get(i, 0) for i in range(len(entry.given))]
    return [*first, *(p.type.size for p in outputs)]


def c_interface(name: str, prefix: str, inputs: Sequence[Port], outputs: Sequence[Port]) -> dict[str, str]:
    """`<name>_c.h` and `<name>_c.cpp`: C functions that take one pointer per input and output."""
    declared, defined = list[Item](), list[Item]()
    for entry in _entries(inputs, outputs):
        head = f"int {prefix}_{entry.name}({_C_TYPES[entry.name]}, size_t samples)"
        given = [_cast(text, f"x[{i}]") for i, text in enumerate(entry.given)]
        taken = [_cast(text, f"y[{i}]") for i, text in enumerate(entry.taken)]
        call = f"{entry.name}({', '.join((*given, *taken))}, samples)"
        declared += [Comment(entry.about), Line(f"BITWRIGHT_API {head};")]
        defined.append(Function(head, (Block("try", (Line(f"return BITWRIGHT_CALL({call}) ? 0 : 1;"),)),
                                       Block("catch (...)", (Line("return 2;"),)))))  # fmt: skip
    about = f"const char* {prefix}_describe(void)"
    guard = f"BITWRIGHT_{name.upper()}_{prefix}_C"
    top = _C_HEADER.replace("@NAME@", name).replace("@GUARD@", guard)
    said = Comment("Name, version, hashes, inputs and outputs as JSON.")
    declared = [said, Line(f"BITWRIGHT_API {about};"), *declared]
    defined = [Function(about, (Line("return BITWRIGHT_PLAIN(description);"),)), *defined]
    return {
        f"{name}_c.h": top.replace("@BODY@\n", _c_comments(printed(declared))),
        f"{name}_c.cpp": _C_SOURCE.replace("@NAME@", name).replace("@UPPER@", name.upper()).replace("@PREFIX@", prefix)
        + printed([Line('extern "C" {'), *defined, Line("}")])
        + "\n#undef BITWRIGHT_PLAIN\n#undef BITWRIGHT_CALL\n",
    }


def _c_comments(text: str) -> str:
    """C of 1990 knows no comments that begin with two slashes."""
    lines = [f"/* {line[3:]} */" if line.startswith("// ") else line for line in text.splitlines()]
    return "\n".join(lines) + "\n"


def _cast(declared: str, value: str) -> str:
    kind = declared.rpartition(" ")[0]
    return value if "float" in kind else f"static_cast<{kind}>({value})"


_C_TYPES = {
    "predict": "const float* const* x, float* const* y",
    "predict_codes": "const float* const* x, void* const* y",
    "run": "const void* const* x, void* const* y",
}
_C_SOURCE = """\
#define BITWRIGHT_BUILD
#include "@NAME@_c.h"

// GCC for x86-64 without -march: the code is there twice, and the processor decides which one runs.
#if defined(__x86_64__) && defined(__SSE2__) && !defined(__AVX2__) && defined(__OPTIMIZE__) && \\
    defined(__GNUC__) && !defined(__clang__)
#define BITWRIGHT_NO_ALIAS
#include <cfloat>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <immintrin.h>
#include <limits>
#include <memory>
#include <type_traits>
#pragma GCC push_options
#pragma GCC target("avx2")
#define __AVX2__ 1  // C++ is preprocessed as a whole before the pragma is seen
#include "@NAME@.h"
#undef __AVX2__
#pragma GCC pop_options
#undef BITWRIGHT_@UPPER@_@PREFIX@
#include "@NAME@.h"
#define BITWRIGHT_PLAIN(name) @PREFIX@::sse2::name
#define BITWRIGHT_CALL(call) (__builtin_cpu_supports("avx2") ? @PREFIX@::avx2::call : @PREFIX@::sse2::call)
#else
#include "@NAME@.h"
#define BITWRIGHT_PLAIN(name) @PREFIX@::name
#define BITWRIGHT_CALL(call) @PREFIX@::call
#endif

"""
_C_HEADER = """\
/* The C interface of @NAME@: x and y hold one pointer per input and output, samples one after the other.
   The functions return 0, 1 where an input is NaN, 2 without memory. */
#ifndef @GUARD@
#define @GUARD@

#include <stddef.h>

#if defined(_WIN32) && defined(BITWRIGHT_BUILD)
#define BITWRIGHT_API __declspec(dllexport)
#elif defined(_WIN32)
#define BITWRIGHT_API __declspec(dllimport)
#else
#define BITWRIGHT_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

@BODY@
#ifdef __cplusplus
}
#endif

#undef BITWRIGHT_API
#endif
"""
