"""Tops for VHDL projects: an entity with the same ports, which places the Verilog module as a component."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bitwright.backends.verilog.ports import PortBits

__all__ = ["vhdl_entity", "vhdl_wrapper"]

_WORDS = """
    abs access after alias all and architecture array assert assume attribute begin block body buffer bus case
    component configuration constant context cover default disconnect downto else elsif end entity exit fairness
    file for force function generate generic group guarded if impure in inertial inout is label library linkage
    literal loop map mod nand new next nor not null of on open or others out package parameter port postponed
    procedure process property protected pure range record register reject release rem report restrict return rol
    ror select sequence severity shared signal sla sll sra srl strong subtype then to transport type unaffected
    units until use variable view vmode vprop vunit wait when while with xnor xor
"""
_RESERVED = frozenset(_WORDS.split())


def vhdl_wrapper(top: str, ports: Sequence[PortBits], latency_cycles: int, *, valid: bool, header: str = "") -> str:
    """VHDL-93 of the entity `<top>_vhdl` around the Verilog module `top`.

    Buses are `std_logic_vector` (`std_logic` where one bit wide) with element 0 in the lowest bits, as in the
    Verilog; the same `latency_cycles`. `valid`: with `rst`, `in_valid` and `out_valid`.
    """
    about = [
        *header.splitlines(),
        f"{top} for VHDL projects: compile it with the Verilog files beside it into one library.",
        f"A new sample in every clock cycle; its result stands at the outputs {latency_cycles} "
        f"clock cycle{'s' if latency_cycles != 1 else ''} later.",
        "Elements are in C order without gaps, element 0 in the lowest bits; see docs/ports.md.",
    ]
    controls = [("clk", "in", 1)] + (
        [("rst", "in", 1), ("in_valid", "in", 1), ("out_valid", "out", 1)] if valid else []
    )
    buses = [(port.name, "in" if port.direction == "input" else "out", port.bits) for port in ports]
    return vhdl_entity(top, [*controls, *buses], about)


def vhdl_entity(top: str, ports: Sequence[tuple[str, str, int]], about: Sequence[str]) -> str:
    """VHDL-93 of the entity `<top>_vhdl` around the Verilog module `top` with `ports` (name, in or out, bits)."""
    entity = _name(f"{top}_vhdl")
    rows = [(_name(name), way, _kind(bits)) for name, way, bits in ports]
    pins = ", ".join(f"{name} => {name}" for name, _, _ in rows)
    return "\n".join([
        *(f"-- {line}".rstrip() for line in about),
        "",
        "library ieee;",
        "use ieee.std_logic_1164.all;",
        "",
        f"entity {entity} is",
        *_declared(rows, "    "),
        f"end entity {entity};",
        "",
        f"architecture wrapper of {entity} is",
        "",
        f"    component {_name(top)} is",
        *_declared(rows, "        "),
        "    end component;",
        "",
        "begin",
        "",
        f"    u_core : {_name(top)}",
        f"        port map ({pins});",
        "",
        "end architecture wrapper;",
        "",
    ])  # fmt: skip


def _kind(bits: int) -> str:
    return f"std_logic_vector({bits - 1} downto 0)" if bits > 1 else "std_logic"


def _declared(rows: Sequence[tuple[str, str, str]], indent: str) -> list[str]:
    width = max(len(name) for name, _, _ in rows)
    lines = [f"{indent}    {name:<{width}} : {way:<3} {kind}" for name, way, kind in rows]
    return [f"{indent}port (", *(f"{line};" for line in lines[:-1]), lines[-1], f"{indent});"]


def _name(name: str) -> str:
    r"""`name` as VHDL takes it: an extended identifier where it is a reserved word or no basic one.

    >>> _name("fc1"), _name("signal"), _name("x_")
    ('fc1', '\\signal\\', '\\x_\\')
    """
    basic = re.fullmatch(r"[A-Za-z](_?[A-Za-z0-9])*", name)
    return name if basic and name.lower() not in _RESERVED else f"\\{name}\\"
