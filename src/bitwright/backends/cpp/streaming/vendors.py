"""`Channels`: how a vendor spells streams, tasks and their directives, beside what `Dialect` knows.

Sources: UG1399 (hls::stream, dataflow, ap_axiu), UG902, the Catapult reference (ac_channel, hls_design, FIFO_DEPTH),
the Intel HLS Compiler reference (ihc::stream, systems of tasks), the SmartHLS user guide (hls::FIFO, dataflow).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from bitwright.backends.cpp.dialects import Dialect

__all__ = ["CHANNELS", "Channels", "vendor_header"]


@dataclass(frozen=True)
class Channels:
    """Types and directives with fields in braces.

    stream: of {word}, {depth}. declared: behind a stream's name. receives, sends: ports of {data}. beat: of {data},
    "" where marks are arguments. sides: statements that fill what else a beat has. macros: what BW_... stand for.
    depth, dataflow, actor, port, top, loadable: directives ("": none). tasks: actors are started and waited for, and
    streams stand outside of functions; a frame's inputs and results then wait in them.
    """

    include: str
    stream: str
    declared: str = ""
    receives: str = "{stream}"
    sends: str = "{stream}"
    beat: str = "bw_stream::Beat<{data}>"
    sides: str = ""
    simulated: str = ""
    macros: Mapping[str, str] = field(default_factory=dict[str, str])
    directives: Mapping[str, str] = field(default_factory=dict[str, str])
    static: bool = False
    tasks: bool = False


_AXI = """template <int D, int U, int I, int T>
struct ap_axiu {
  ap_uint<D> data;
  ap_uint<(D + 7) / 8> keep, strb;
  ap_uint<1> last, user, id, dest;
};"""
_VITIS = Channels(
    "#include <ap_axi_sdata.h>\n#include <hls_stream.h>",
    "hls::stream<{word}>",
    '("{name}")',
    beat="ap_axiu<{bits}, 0, 0, 0>",
    sides="beat.keep = -1; beat.strb = -1;",
    simulated=_AXI,
    macros=MappingProxyType({
        "PIPELINE": "HLS pipeline II=1",
        "UNROLL": "HLS unroll",
        "REGISTERS(array)": "HLS array_partition variable=array type=complete dim=0",
        "BANKS(array)": "HLS array_partition variable=array type=complete dim=1",
    }),
    directives=MappingProxyType({
        "depth": "HLS stream variable={name} depth={depth}",
        "dataflow": "HLS dataflow",
        "port": "HLS interface mode=axis port={name}",
        "top": "HLS interface mode=ap_ctrl_none port=return",
        "loadable": "HLS interface mode=ap_memory port={name}",
        "external": "HLS interface mode=m_axi port={name} offset=slave",
    }),
)  # fmt: skip
_VIVADO = Channels(
    _VITIS.include,
    _VITIS.stream,
    _VITIS.declared,
    beat="ap_axiu<{bits}, 1, 1, 1>",
    sides="beat.keep = -1; beat.strb = -1; beat.user = 0; beat.id = 0; beat.dest = 0;",
    simulated=_AXI,
    macros=MappingProxyType({
        "PIPELINE": "HLS PIPELINE II=1",
        "UNROLL": "HLS UNROLL",
        "REGISTERS(array)": "HLS ARRAY_PARTITION variable=array complete dim=0",
        "BANKS(array)": "HLS ARRAY_PARTITION variable=array complete dim=1",
    }),
    directives=MappingProxyType({
        "depth": "HLS STREAM variable={name} depth={depth}",
        "dataflow": "HLS DATAFLOW",
        "port": "HLS INTERFACE axis port={name}",
        "top": "HLS INTERFACE ap_ctrl_none port=return",
        "loadable": "HLS INTERFACE ap_memory port={name}",
        "external": "HLS INTERFACE m_axi port={name} offset=slave",
    }),
)  # fmt: skip
_CATAPULT = Channels(
    "#include <ac_channel.h>",
    "ac_channel<{word}>",
    macros=MappingProxyType({"PIPELINE_ABOVE": "hls_pipeline_init_interval 1", "UNROLL_ABOVE": "hls_unroll yes"}),
    directives=MappingProxyType({"actor": "hls_design", "top": "hls_design top"}),
    static=True,
)
_INTEL = Channels(
    "",
    "ihc::stream<{word}, ihc::buffer<{depth}>>",
    receives="ihc::stream_in<{data}, ihc::usesPackets<true>>",
    sends="ihc::stream_out<{data}, ihc::usesPackets<true>>",
    beat="",
    macros=MappingProxyType({"PIPELINE_ABOVE": "ii 1", "UNROLL_ABOVE": "unroll"}),
    static=True,
    tasks=True,
)
_SMARTHLS = Channels(
    "#include <hls/streaming.hpp>",
    "hls::FIFO<{word}>",
    "({depth})",
    macros=MappingProxyType({
        "PIPELINE_ABOVE": "HLS loop pipeline II(1)",
        "UNROLL_ABOVE": "HLS loop unroll",
        "REGISTERS(array)": "HLS memory partition variable(array) type(complete)",
    }),
    directives=MappingProxyType({"dataflow": "HLS function dataflow", "top": "HLS function top"}),
)  # fmt: skip

CHANNELS: Mapping[str, Channels] = MappingProxyType({
    "vitis": _VITIS, "vivado": _VIVADO, "catapult": _CATAPULT, "intel": _INTEL, "smarthls": _SMARTHLS,
})  # fmt: skip

_MACROS = ("PIPELINE", "PIPELINE_ABOVE", "UNROLL", "UNROLL_ABOVE", "REGISTERS(array)", "BANKS(array)")


def vendor_header(dialect: Dialect, words: Channels, simulation: bool = True) -> str:
    """`bw_vendor.h`: the vendor's headers and directives for the library; `simulation`: streams are part of it."""
    includes = [dialect.include]
    if simulation:
        real = f"#else\n{words.include}\n" if words.include else ""
        stands_in = f"{words.simulated}\n" if words.simulated else ""
        simulated = '#ifdef BW_SIMULATION  // any C++ compiler\n#include "bw_simulation.h"\n'
        includes.append(f"{simulated}{stands_in}{real}#endif")
    lines = [f"#define BW_{name} {_macro(words.macros.get(name, ''))}".rstrip() for name in _MACROS]
    if simulation:
        lines.append(f"#define BW_BEAT_SIDES(beat) {words.sides}".rstrip())
        lines += [] if words.beat else ["#define BW_PACKETS"]
    return (
        f"// The words of {dialect.tool} for bw_stream.h and bw_engine.h.\n#ifndef BW_VENDOR_H\n#define BW_VENDOR_H\n\n"
        + "\n\n".join(includes)
        + "\n\n#define BW_PRAGMA(...) _Pragma(#__VA_ARGS__)\n"
        + "\n".join(lines)
        + "\n\n#endif\n"
    )


def _macro(text: str) -> str:
    return f"BW_PRAGMA({text})" if text else ""
