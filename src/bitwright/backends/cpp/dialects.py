"""`Dialect`: how a vendor's HLS compiler spells integers and directives; one document serves them all.

Sources: UG1399 (Vitis HLS) and UG902 (Vivado HLS), the Catapult user guide, the Intel HLS Compiler reference, the
SmartHLS user guide. Only the integers and the loops can be checked with g++; the directives' words are from these.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from types import MappingProxyType

from bitwright.backends.cpp.carriers import holding
from bitwright.backends.cpp.tree import Array, For, Function, Pragma, Statement
from bitwright.core.errors import ConfigError
from bitwright.ir.netlist.ops import Word

__all__ = ["DIALECTS", "Dialect", "dialect", "stored"]


@dataclass(frozen=True)
class Dialect:
    """The words of one vendor.

    `signed` and `unsigned` take the width; `directives` maps what we want (pipeline, inline, partition, interface,
    unroll, loop_pipeline, rom, top) to the vendor's text, with the fields in braces; what is not there is not said.
    `above_function`, `above_loop`: whether directives stand before what they are about, or first inside it.
    """

    name: str
    tool: str
    include: str
    signed: str
    unsigned: str
    directives: Mapping[str, str]
    above_function: bool = False
    above_loop: bool = False
    top: str = "void"

    def integer(self, word: Word) -> str:
        """The type of `word`."""
        return (self.signed if word.signed else self.unsigned).format(word.width)

    def wide(self, width: int, signed: bool = True) -> str:
        """An integer type of `width` bits."""
        return (self.signed if signed else self.unsigned).format(width)

    def pragma(self, kind: str, **fields: object) -> list[Statement]:
        """The directive, or nothing where the vendor has none."""
        text = self.directives.get(kind, "")
        return [Pragma(text.format(**fields))] if text else []

    def function(self, head: str, body: Sequence[Statement], pragmas: Sequence[Statement], about: str = "") -> Function:
        """A function with its directives where the vendor wants them."""
        if not self.above_function:
            return Function(head, (*pragmas, *body), about)
        above = "".join(f"#pragma {p.text}\n" for p in pragmas if isinstance(p, Pragma))
        return Function(above + head, tuple(body), about)

    def loop(
        self, index: str, stop: int, body: Sequence[Statement], pragmas: Sequence[Statement] = (), label: str = ""
    ) -> list[Statement]:
        """A loop with its directives where the vendor wants them."""
        if self.above_loop:
            return [*pragmas, For(index, stop, tuple(body), label)]
        return [For(index, stop, (*pragmas, *body), label)]

    def number(self, value: int, word: Word) -> str:
        """A typed constant."""
        text = f"{value}LL" if not -(1 << 31) < value < 1 << 31 else str(value)
        return f"{self.integer(word)}({text})"

    def table(self, kind: str, name: str, values: Sequence[int]) -> list[Statement]:
        """A read-only memory."""
        texts = tuple(f"{v}LL" if abs(v) >= 1 << 31 else str(v) for v in values)
        return [Array(stored(kind, values), name, texts, "static const"), *self.pragma("rom", variable=name)]


def stored(kind: str, values: Iterable[int]) -> str:
    """The type in which constants of the exact type `kind` lie in memory: `bw_stored.h`.

    >>> stored("ap_int<3>", [-4, 3])
    'bw_hls::Stored<ap_int<3>, std::int8_t>'
    """
    ends = [0, *values]
    low, high = min(ends), max(ends)
    fits = low >= -(1 << 63) and high < 1 << 63
    return f"bw_hls::Stored<{kind}, {holding(low, high).text}>" if fits else kind


_VITIS = Dialect(
    "vitis", "vitis_hls", "#include <ap_int.h>", "ap_int<{}>", "ap_uint<{}>",
    MappingProxyType({
        "pipeline": "HLS pipeline II={ii}",
        "loop_pipeline": "HLS pipeline II={ii}",
        "inline": "HLS inline",
        "partition": "HLS array_partition variable={variable} type=complete dim=0",
        "cyclic": "HLS array_partition variable={variable} type=cyclic factor={factor}",
        "interface": "HLS interface mode=ap_none port={port}",
        "control": "HLS interface mode=ap_ctrl_hs port=return",
        "unroll": "HLS unroll",
        "limit": "HLS allocation operation instances=mul limit={limit}",
        "rom": "HLS bind_storage variable={variable} type=rom_1p impl=lutram",
    }),
)  # fmt: skip
_VIVADO = replace(
    _VITIS,
    name="vivado",
    tool="vivado_hls",
    directives=MappingProxyType({
        "pipeline": "HLS PIPELINE II={ii}",
        "loop_pipeline": "HLS PIPELINE II={ii}",
        "inline": "HLS INLINE",
        "partition": "HLS ARRAY_PARTITION variable={variable} complete dim=0",
        "cyclic": "HLS ARRAY_PARTITION variable={variable} cyclic factor={factor}",
        "interface": "HLS INTERFACE ap_none port={port}",
        "control": "HLS INTERFACE ap_ctrl_hs port=return",
        "unroll": "HLS UNROLL",
        "limit": "HLS ALLOCATION instances=mul limit={limit} operation",
        "rom": "HLS RESOURCE variable={variable} core=ROM_1P_LUTRAM",
    }),
)  # fmt: skip
_CATAPULT = Dialect(
    "catapult", "catapult", "#include <ac_int.h>", "ac_int<{}, true>", "ac_int<{}, false>",
    MappingProxyType({
        "top": "hls_design top",
        "pipeline": "hls_pipeline_init_interval {ii}",
        "loop_pipeline": "hls_pipeline_init_interval {ii}",
        "inline": "hls_design inline",
        "unroll": "hls_unroll yes",
    }),
    above_function=True,
    above_loop=True,
)  # fmt: skip
_INTEL = Dialect(
    "intel", "i++", "#include <HLS/hls.h>\n#include <HLS/ac_int.h>", "ac_int<{}, true>", "ac_int<{}, false>",
    MappingProxyType({"loop_pipeline": "ii {ii}", "unroll": "unroll"}),
    above_function=True,
    above_loop=True,
    top="component void",
)  # fmt: skip
_SMARTHLS = Dialect(
    "smarthls", "shls", "#include <hls/ap_int.hpp>\nusing namespace hls;", "ap_int<{}>", "ap_uint<{}>",
    MappingProxyType({
        "top": "HLS function top",
        "pipeline": "HLS function pipeline II({ii})",
        "loop_pipeline": "HLS loop pipeline II({ii})",
        "inline": "HLS function inline",
        "partition": "HLS memory partition argument({variable}) type(complete)",
        "unroll": "HLS loop unroll",
    }),
    above_loop=True,
)  # fmt: skip

DIALECTS: Mapping[str, Dialect] = MappingProxyType(
    {d.name: d for d in (_VITIS, _VIVADO, _CATAPULT, _INTEL, _SMARTHLS)}
)


def dialect(name: str) -> Dialect:
    """The dialect called `name`; raises `ConfigError` with the nearest one.

    >>> dialect("vitis").wide(7)
    'ap_int<7>'
    """
    found = DIALECTS.get(name.lower())
    if found is None:
        near = get_close_matches(name.lower(), DIALECTS, 1) or [", ".join(DIALECTS)]
        raise ConfigError(f"unknown HLS vendor {name!r}", where="option vendor", remedy=f"did you mean {near[0]}?")
    return found
