"""Identifiers that are legal everywhere we emit: Verilog-2005, C++, Python."""

from __future__ import annotations

import keyword
import re

__all__ = ["Namer", "identifier"]

_VERILOG = """
    always and assign automatic begin buf bufif0 bufif1 case casex casez cell cmos config deassign default defparam
    design disable edge else end endcase endconfig endfunction endgenerate endmodule endprimitive endspecify endtable
    endtask event for force forever fork function generate genvar highz0 highz1 if ifnone incdir include initial inout
    input instance integer join large liblist library localparam macromodule medium module nand negedge nmos nor
    noshowcancelled not notif0 notif1 or output parameter pmos posedge primitive pull0 pull1 pulldown pullup
    pulsestyle_ondetect pulsestyle_onevent rcmos real realtime reg release repeat rnmos rpmos rtran rtranif0 rtranif1
    scalared showcancelled signed small specify specparam strong0 strong1 supply0 supply1 table task time tran tranif0
    tranif1 tri tri0 tri1 triand trior trireg unsigned use uwire vectored wait wand weak0 weak1 while wire wor xnor xor
"""
# Tools read .v files with SystemVerilog's words reserved as well.
_SYSTEM_VERILOG = """
    accept_on alias always_comb always_ff always_latch assert assume before bind bins binsof bit break byte chandle
    checker class clocking const constraint context continue cover covergroup coverpoint cross dist do endchecker
    endclass endclocking endgroup endinterface endpackage endprogram endproperty endsequence enum eventually expect
    export extends extern final first_match foreach forkjoin global iff ignore_bins illegal_bins implements implies
    import inside int interconnect interface intersect join_any join_none let local logic longint matches modport
    nettype new nexttime null package packed priority program property protected pure rand randc randcase randsequence
    ref reject_on restrict return s_always s_eventually s_nexttime s_until s_until_with sequence shortint shortreal soft
    solve static string strong struct super sync_accept_on sync_reject_on tagged this throughout timeprecision timeunit
    type typedef union unique unique0 until until_with untyped var virtual void wait_order weak wildcard with within
"""
_CPP = """
    alignas alignof and_eq asm auto bitand bitor bool catch char char8_t char16_t char32_t compl concept consteval
    constexpr constinit const_cast co_await co_return co_yield decltype delete double dynamic_cast explicit false float
    friend goto inline long mutable namespace noexcept not_eq nullptr operator or_eq private public register
    reinterpret_cast requires short sizeof static_assert static_cast switch template thread_local throw true try typeid
    typename using volatile wchar_t xor_eq
"""
_OWN_PORTS = "clk ce rst valid"
_RESERVED = frozenset(" ".join((_VERILOG, _SYSTEM_VERILOG, _CPP, _OWN_PORTS)).split()) | frozenset(keyword.kwlist)


def identifier(text: str) -> str:
    """`text` as an identifier: other characters become `_`, reserved words get a tail.

    >>> identifier("block/conv 1"), identifier("3x3"), identifier("wire")
    ('block_conv_1', 'n3x3', 'wire_')
    """
    name = re.sub(r"[^0-9A-Za-z_]+", "_", text).strip("_") or "n"
    name = re.sub(r"_+", "_", name)
    if name[0].isdigit():
        name = "n" + name
    return name + "_" if name in _RESERVED else name


class Namer:
    """Hands out identifiers that it has not handed out before.

    >>> fresh = Namer()
    >>> fresh("fc1"), fresh("fc1"), fresh("FC1")
    ('fc1', 'fc1_2', 'FC1_3')

    Names that differ only in case are kept apart: VHDL and some file systems fold it.
    """

    def __init__(self) -> None:
        self._used: dict[str, int] = {}

    def __call__(self, text: str) -> str:
        """`identifier(text)`, with a number behind it where that name is taken."""
        name = identifier(text)
        count = self._used.get(name.lower(), 0) + 1
        self._used[name.lower()] = count
        # The number follows the bare word, so that a name handed out is its own identifier.
        return name if count == 1 else self(f"{name.rstrip('_')}_{count}")
