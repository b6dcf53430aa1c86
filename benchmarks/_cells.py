"""Alkaid's ternary adders on the cells that the device has for them: one LUT6_2 and one carry cell a bit.

yosys maps `a + b + c` to two adders, which would make a peer's graph look 1.4 to 2.3 times larger than it is. Here
every instance `ternary_adder #(...)` in emitted Verilog gets a module of its own: bit i of the chain is a LUT with
two outputs, O6 = a ^ b ^ c ^ k to the carry cell's S and O5 = majority(a, b, c) = k of bit i + 1, with k at DI.
Operands keep their signs (extended to the top); negations are inversions inside the LUT, and what they leave to
be added enters as the chain's carry, as its first k or as a constant in columns with room.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Operand", "Ternary", "on_cells"]

_INSTANCE = re.compile(r"\bternary_adder\s*#\(([-\d\s,]+)\)")


@dataclass(frozen=True)
class Operand:
    """An addend: `bits` of a port, its sign, whether it is subtracted, and its shift to the left."""

    bits: int
    signed: bool
    negated: bool
    shift: int

    def at(self, column: int) -> int | None:
        """The bit of the port that stands in `column`; None where there is none."""
        index = column - self.shift
        return None if index < 0 or (index >= self.bits and not self.signed) else min(index, self.bits - 1)

    @property
    def correction(self) -> int:
        """What inverting the bits that stand in the columns leaves to be added."""
        if not self.negated:
            return 0
        return (1 << self.shift) - (0 if self.signed else 1 << self.shift + self.bits)


@dataclass(frozen=True)
class Ternary:
    """The sum of three operands, `width` bits of it from bit `drop` up."""

    operands: tuple[Operand, Operand, Operand]
    width: int
    drop: int

    @classmethod
    def parse(cls, told: str) -> Ternary:
        """From the parameters of an instance: (bits, signed, negated, shift) three times, width, dropped bits."""
        n = [int(word) for word in told.split(",")]
        a, b, c = (Operand(n[i], bool(n[i + 1]), bool(n[i + 2]), n[i + 3]) for i in (0, 4, 8))
        return cls((a, b, c), n[12], n[13])

    def verilog(self, name: str) -> str:
        """A module of that name with the ports of the instance it stands for."""
        top = self.width + self.drop
        free, first, constant = self._plan(top)
        lines = [
            f"module {name}(input [{self.operands[0].bits - 1}:0] a, input [{self.operands[1].bits - 1}:0] b,",
            f"  input [{self.operands[2].bits - 1}:0] c, output [{self.width - 1}:0] y);",
            f"wire [{top - 1}:0] sum;",
            f"assign y = sum[{top - 1}:{self.drop}];",
        ]
        cells = _Columns(first, bool(free & 2))
        for column in range(top):
            cells.add(column, self._bits(column), constant >> column & 1)
        lines += cells.chain(top, _ONE if free else _ZERO)
        return "\n".join([*lines, "endmodule", ""])

    def _bits(self, column: int) -> list[tuple[str, bool]]:
        """What stands in a column: port bits, and whether each is inverted."""
        found = zip("abc", self.operands, strict=True)
        return [(f"{port}[{i}]", o.negated) for port, o in found if (i := o.at(column)) is not None]

    def _plan(self, top: int) -> tuple[int, int, int]:
        """(what enters at the first column, the first column, the constant bits) with the fewest LUTs."""
        total = sum(operand.correction for operand in self.operands)
        present = [len(self._bits(column)) for column in range(top)]
        found: list[tuple[int, int, int, int]] = []
        first = next((i for i in range(top) if present[i] + (total >> i & 1) > 1), top - 1)
        for free in (0, 1, 2):
            constant = (total - (free << first)) & ((1 << top) - 1)
            if all(present[i] < 3 for i in range(top) if constant >> i & 1) and not constant % (1 << first):
                luts, k = 0, free == 2
                for i in range(first, top):
                    signals = present[i] + (constant >> i & 1)
                    luts += present[i] > 1 or (present[i] == 1 and k)
                    k = signals == 3 or (signals == 2 and k)
                found.append((luts, free, first, constant))
        if not found:
            raise ValueError(f"no room for the constants of {self}")
        return min(found)[1:]


class _Columns:
    """The columns of a chain, from the lowest up."""

    def __init__(self, first: int, enters: bool) -> None:
        self._first = first
        self._k = _ONE if enters else ""
        self._lines: list[str] = []
        self._s: list[str] = []
        self._di: list[str] = []

    def add(self, column: int, bits: list[tuple[str, bool]], one: int) -> None:
        """The next column: its bits and whether a constant one stands there too."""
        if column < self._first:
            self._lines.append(f"assign sum[{column}] = {_xor(bits, one, '')};")
            return
        signals, k = len(bits) + one, self._k
        saves = signals == 3 or (signals == 2 and bool(k))
        plain = next((bit for bit, inverted in bits if not inverted), None)
        s = f"s{column}"
        self._lines.append(f"wire {s}, k{column + 1};")
        if len(bits) + bool(k) > 1 and bits:
            self._lut(column, bits, one, k)
        else:
            self._lines.append(f"assign {s} = {_xor(bits, one, k)};")
        self._s.append(s)
        # Of two equal signals either is the carry; three have left theirs to the next column.
        self._di.append(k or ((_ONE if one else plain or _xor(bits[:1], 0, "")) if signals == 2 else _ZERO))
        self._k = f"k{column + 1}" if saves else ""

    def _lut(self, column: int, bits: list[tuple[str, bool]], one: int, k: str) -> None:
        init = 0
        for row in range(32):
            values = [(row >> i & 1) ^ inverted for i, (_, inverted) in enumerate(bits)]
            into = row >> 3 & 1 if k else 0
            init |= (sum(values) + one + into & 1) << 32 + row | (sum(values) + one > 1) << row
        pins = [bit for bit, _ in bits] + [_ZERO] * (3 - len(bits)) + [k or _ZERO]
        ports = ", ".join(f".I{i}({pin})" for i, pin in enumerate([*pins, _ZERO, _ONE]))
        self._lines.append(f"LUT6_2 #(.INIT(64'h{init:016x})) u{column} (.O6(s{column}), .O5(k{column + 1}), {ports});")

    def chain(self, top: int, carry: str) -> list[str]:
        """All lines: wires, LUTs and the carry cells, four columns each."""
        lines, into = list(self._lines), carry
        for start in range(0, len(self._s), 4):
            s, di = self._s[start : start + 4], self._di[start : start + 4]
            column, idle = self._first + start, 4 - len(s)
            lines.append(f"wire [3:0] o{column}, co{column};")
            lines.append(
                f"CARRY4 c{column} (.CYINIT({carry if not start else _ZERO}), .CI({into if start else _ZERO}), "
                f".S({_joined(s, idle)}), .DI({_joined(di, idle)}), .O(o{column}), .CO(co{column}));"
            )
            lines.append(f"assign sum[{column + len(s) - 1}:{column}] = o{column}[{len(s) - 1}:0];")
            into = f"co{column}[3]"
        return lines


_ZERO, _ONE = "1'b0", "1'b1"


def _joined(pins: list[str], idle: int) -> str:
    return "{" + ", ".join([_ZERO] * idle + pins[::-1]) + "}"


def _xor(bits: list[tuple[str, bool]], one: int, k: str) -> str:
    terms = [f"{'~' if inverted else ''}{bit}" for bit, inverted in bits] + [_ONE] * one + ([k] if k else [])
    return " ^ ".join(terms) or _ZERO


def on_cells(sources: Iterable[str]) -> str:
    """The Verilog `sources` with every instance of `ternary_adder` on cells; its behavioural module is left out."""
    made: dict[str, str] = {}

    def replaced(match: re.Match[str]) -> str:
        told = re.sub(r"\s", "", match[1])
        name = made.setdefault(told, f"ternary_on_cells_{len(made)}")
        return f"{name} "

    kept = [text for text in sources if "module ternary_adder" not in text]
    text = "\n".join(_INSTANCE.sub(replaced, one) for one in kept)
    return "\n".join([text, *(Ternary.parse(told).verilog(name) for told, name in made.items())])
