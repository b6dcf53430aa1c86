"""A Verilog document tree as text: 4 spaces, lines up to 100 columns, one module a file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from bitwright.backends.verilog.tree import (
    Always,
    Assign,
    Binary,
    Call,
    Case,
    Comment,
    Concat,
    Conditional,
    Expression,
    Function,
    Instance,
    Literal,
    Module,
    Net,
    Part,
    PortDeclaration,
    Ref,
    Repeat,
    Signed,
    Statement,
    Unary,
    Update,
)

__all__ = ["expression", "module"]

_COLUMNS = 100
# Tools obey comments that begin with these words, and user names end up in comments.
_COMMANDS = frozenset(
    {"altera", "ambit", "cadence", "coverage", "exemplar", "pragma", "quartus", "rtl_synthesis", "synopsys"}
    | {"synthesis", "vcs", "verilator", "xilinx"}
)
_INDENT = "    "
_MOST_BITS = 6
"""Of a table's code, that yosys makes no block memory of by itself (0.23, however wide the words)."""
_COMPOUND = frozenset({Unary, Binary, Conditional})


def expression(tree: Expression) -> str:
    """The text of an expression.

    >>> expression(Binary("+", Concat((Part("a", 7, 7), Ref("a"))), Literal(-5, 9)))
    "{a[7], a} + -9'd5"
    """
    return _EXPRESSIONS[type(tree)](tree)


def _operand(tree: Expression) -> str:
    text = _EXPRESSIONS[type(tree)](tree)
    return f"({text})" if type(tree) in _COMPOUND else text


def _ref(tree: Ref) -> str:
    return tree.name


def _part(tree: Part) -> str:
    if tree.high == tree.low:
        return f"{tree.name}[{tree.high}]"
    return f"{tree.name}[{tree.high}:{tree.low}]"


def _literal(tree: Literal) -> str:
    width = tree.width
    if width == 1:
        return f"1'{'s' if tree.signed else ''}b{tree.value & 1}"
    value = tree.value
    if not -1 << (width - 1) <= value < 1 << width:
        value &= (1 << width) - 1
    if tree.signed and value == -1 << (width - 1):
        # In a wider context the minus of -4'sd8 would act on 4'sd8, which is -8 already.
        return f"{width}'sh{-value:x}"
    base = "sd" if tree.signed else "d"
    return f"-{width}'{base}{-value}" if value < 0 else f"{width}'{base}{value}"


def _concat(tree: Concat) -> str:
    return "{" + ", ".join([_EXPRESSIONS[type(part)](part) for part in tree.parts]) + "}"


def _repeat(tree: Repeat) -> str:
    return f"{{{tree.count}{{{expression(tree.part)}}}}}"


def _unary(tree: Unary) -> str:
    return tree.operator + _operand(tree.a)


def _binary(tree: Binary) -> str:
    return f"{_operand(tree.a)} {tree.operator} {_operand(tree.b)}"


def _conditional(tree: Conditional) -> str:
    return f"{_operand(tree.test)} ? {_operand(tree.then)} : {expression(tree.other)}"


def _signed(tree: Signed) -> str:
    return f"$signed({expression(tree.a)})"


def _call(tree: Call) -> str:
    return f"{tree.function}({', '.join(expression(a) for a in tree.args)})"


_EXPRESSIONS: dict[type, Callable[[Any], str]] = {
    Ref: _ref,
    Part: _part,
    Literal: _literal,
    Concat: _concat,
    Repeat: _repeat,
    Unary: _unary,
    Binary: _binary,
    Conditional: _conditional,
    Signed: _signed,
    Call: _call,
}


def module(tree: Module, header: str = "") -> str:
    """The file of one module: `header` and what the module is about as comments, then the module."""
    lines = [*_comment(header), *(["//"] if header else []), *_comment(tree.about), "", "`default_nettype none", ""]
    lines += [f"module {tree.name} (", *_ports(tree.ports), ");"] if tree.ports else [f"module {tree.name};"]
    if tree.items and not isinstance(tree.items[0], _SPACED):
        lines.append("")
    for item in tree.items:
        lines += [_INDENT + line if line else "" for line in _ITEMS[type(item)](item)]
    lines += ["", "endmodule", "", "`default_nettype wire", ""]
    return "\n".join(line for line, before in zip(lines, ["x", *lines], strict=False) if line or before)


def _comment(text: str) -> list[str]:
    """`text` as comment lines; a line that a tool would take for a command to it is set off with a dash."""
    return [f"// {'- ' if _is_command(line) else ''}{line}".rstrip() for line in text.splitlines()]


def _is_command(line: str) -> bool:
    word = re.match(r"\s*(\w+)", line)
    return word is not None and word[1].lower() in _COMMANDS


def _range(width: int, signed: bool) -> str:
    return ("signed " if signed else "") + (f"[{width - 1}:0] " if width > 1 else "")


def _ports(ports: tuple[PortDeclaration, ...]) -> Iterator[str]:
    """One port a line, names and remarks in columns."""
    heads = [f"{p.direction:<6} {p.kind:<4} {_range(p.width, p.signed)}" for p in ports]
    names = [f"{p.name}," for p in ports[:-1]] + [ports[-1].name]
    head_width, name_width = max(map(len, heads)), max(map(len, names))
    for head, name, port in zip(heads, names, ports, strict=True):
        remark = f"  // {port.remark}" if port.remark else ""
        yield f"{_INDENT}{head:<{head_width}}{name:<{name_width if remark else 0}}{remark}"


def _comment_item(item: Comment) -> list[str]:
    return ["", *_comment(item.text)]


def _net(item: Net) -> list[str]:
    value = f" = {expression(item.value)}" if item.value is not None else ""
    line = f"{item.kind} {_range(item.width, item.signed)}{item.name}{value};"
    return [line] if len(line) <= _COLUMNS else _broken(line)


def _broken(line: str) -> list[str]:
    """A long line, continued at its commas."""
    pieces = line.split(", ")
    return list(_filled([f"{p}," for p in pieces[:-1]] + pieces[-1:], _INDENT))


def _filled(pieces: Iterable[str], indent: str) -> Iterator[str]:
    """`pieces` in lines of up to `_COLUMNS`; all but the first line are indented."""
    line = ""
    lead = ""
    for piece in pieces:
        if line and len(lead) + len(line) + 1 + len(piece) > _COLUMNS - len(_INDENT):
            yield lead + line
            line, lead = piece, indent
        else:
            line = f"{line} {piece}" if line else piece
    yield lead + line


def _assign(item: Assign) -> list[str]:
    remark = f"  // {item.remark}" if item.remark else ""
    line = f"assign {expression(item.target)} = {expression(item.value)};"
    return [line + remark] if len(line) <= _COLUMNS else _broken(line)


def _always(item: Always) -> list[str]:
    body = [_INDENT + line for statement in item.body for line in _statement(statement)]
    return [f"always @(posedge {item.clock}) begin", *body, "end", ""]


def _statement(tree: Statement) -> list[str]:
    if isinstance(tree, Update):
        return [f"{tree.target} <= {expression(tree.value)};"]
    body = [_INDENT + line for statement in tree.body for line in _statement(statement)]
    return [f"if ({expression(tree.test)}) begin", *body, "end"]


def _function(item: Function) -> list[str]:
    argument = f"input {_range(item.argument.width, item.argument.signed)}{item.argument.name}"
    body = [_INDENT + line for line in _case(item.body)]
    if item.argument.width > _MOST_BITS:  # else yosys moves a table behind a register into a slow block memory
        body[0] = f'{_INDENT}(* rom_style = "logic" *) {body[0].lstrip()}'
    about = _comment(item.remark)
    head = f"function {_range(item.width, item.signed)}{item.name}({argument});"
    # A comment that only Verilator reads: else each call is a copy of the table in the simulator's code.
    once = [f"{_INDENT}/* verilator no_inline_task */"] if item.often else []
    return ["", *about, head, *once, *body, "endfunction"]


def _case(tree: Case) -> list[str]:
    lines = [f"case ({expression(tree.selector)})"]
    for labels, value in tree.arms:
        texts = [_literal(label) for label in labels]
        pieces = [f"{t}," for t in texts[:-1]] + [f"{texts[-1]}: {tree.target} = {expression(value)};"]
        lines += [_INDENT + line for line in _filled(pieces, _INDENT)]
    return [*lines, f"{_INDENT}default: {tree.target} = {expression(tree.default)};", "endcase"]


def _instance(item: Instance) -> list[str]:
    connections = _listed(list(_connections(item.connections)))
    if not item.parameters:
        return ["", f"{item.module} {item.name} (", *connections, ");"]
    parameters = _listed(list(_parameters(item.parameters)))
    if len(parameters) == 1:
        head = [f"{item.module} #({parameters[0].strip()}) {item.name} ("]
    else:
        head = [f"{item.module} #(", *parameters, f") {item.name} ("]
    return ["", *head, *connections, ");"]


def _listed(pieces: list[str]) -> list[str]:
    """`pieces` with commas between them, in indented lines."""
    ends = [f"{piece}," for piece in pieces[:-1]] + pieces[-1:]
    return [_INDENT + line for line in _filled(ends, "")]


def _connections(pairs: tuple[tuple[str, Expression], ...]) -> Iterator[str]:
    return (f".{name}({expression(value)})" for name, value in pairs)


def _parameters(pairs: tuple[tuple[str, int | str | Literal], ...]) -> Iterator[str]:
    return (f".{name}({_parameter(value)})" for name, value in pairs)


def _parameter(value: int | str | Literal) -> str:
    if isinstance(value, Literal):
        return f"{value.width}'h{value.value & ((1 << value.width) - 1):x}"
    return f'"{value}"' if isinstance(value, str) else str(value)


# Items that begin with an empty line of their own.
_SPACED = (Comment, Function, Instance)

_ITEMS: dict[type, Callable[[Any], list[str]]] = {
    Comment: _comment_item,
    Net: _net,
    Assign: _assign,
    Always: _always,
    Function: _function,
    Instance: _instance,
}
