"""Identifiers that are legal everywhere we emit: Verilog-2005, C++, Python."""

from __future__ import annotations

import re

__all__ = ["Namer", "identifier"]

_RESERVED = frozenset(
    """always and assign automatic begin buf bufif0 bufif1 case casex casez cell class cmos config
    const deassign default defparam design disable edge else end endcase endconfig endfunction
    endgenerate endmodule endprimitive endspecify endtable endtask event for force forever fork
    function generate genvar highz0 highz1 if ifnone incdir include initial inout input instance
    integer join large liblist library localparam logic macromodule medium module nand negedge
    nmos nor noshowcancelled not notif0 notif1 or output parameter pmos posedge primitive pull0
    pull1 pulldown pullup rcmos real realtime reg release repeat rnmos rpmos rtran rtranif0
    rtranif1 scalared showcancelled signed small specify specparam strong0 strong1 supply0
    supply1 table task time tran tranif0 tranif1 tri tri0 tri1 triand trior trireg unsigned use
    vectored wait wand weak0 weak1 while wire wor xnor xor int char short long float double bool
    void return struct union template typename namespace auto public private protected virtual
    this new delete operator inline static register volatile extern goto switch typedef enum
    sizeof true false try catch throw using friend explicit export mutable asm do break continue
    bit byte do endclass package endpackage interface endinterface program endprogram string
    clk ce rst valid""".split()
)


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
        name = identifier(text)
        count = self._used.get(name.lower(), 0) + 1
        self._used[name.lower()] = count
        if count == 1:
            return name
        return self(f"{name}_{count}") if f"{name}_{count}".lower() in self._used else self._take(f"{name}_{count}")

    def _take(self, name: str) -> str:
        self._used[name.lower()] = 1
        return name
