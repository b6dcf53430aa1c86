"""Programs as text that a person can read and that parses back to an equal program.

The grammar is a subset of Python's, read with `ast` and never evaluated:

    graph('jets', schema=1)
    x: TensorType((16,), low=-128, high=127, step=1/16) = Input()
    fc1: TensorType((64,), low=-9, high=9, step=1/512) = Dense(x, weights=[[...]], bias=[...], origin='fc1')
    output(fc1)

A `Vocabulary` names the classes that may appear; anything else is refused.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass
from enum import Enum
from fractions import Fraction
from typing import Any

from bitwright.core.errors import BitwrightError, ParseError
from bitwright.core.origin import Origin
from bitwright.ir.program import Node, Op, Program
from bitwright.numeric import Ints, Steps

__all__ = ["SCHEMA", "Vocabulary", "parse_program", "print_program"]

SCHEMA = 1


@dataclass(frozen=True)
class Vocabulary:
    """A level's words: its name, its program class and the classes that may appear in its text."""

    level: str
    program: type[Program[Any, Any]]
    classes: Mapping[str, type]

    @classmethod
    def of(cls, level: str, program: type[Program[Any, Any]], *classes: type) -> Vocabulary:
        """A vocabulary of `classes` under their own names."""
        return cls(level, program, {c.__name__: c for c in classes})


# ---- printing ------------------------------------------------------------------------------------


def print_program(program: Program[Any, Any], words: Vocabulary) -> str:
    """`program` as text: one line a node, arrays in full."""
    lines = [f"{words.level}({program.name!r}, schema={SCHEMA})"]
    for node in program.nodes:
        names = [program.nodes[i].name for i in node.args]
        options = _options(node.op)
        if node.origin != Origin():
            options.append(f"origin={str(node.origin)!r}")
        call = f"{type(node.op).__name__}({', '.join(names + options)})"
        lines.append(f"{node.name}: {_literal(node.type)} = {call}")
    lines += _extras(program)
    lines.append(f"output({', '.join(program.nodes[i].name for i in program.outputs)})")
    return "\n".join(lines) + "\n"


def _extras(program: Program[Any, Any]) -> list[str]:
    """What a level keeps beside nodes and outputs (the netlist's ports), a line each."""
    known = {f.name for f in fields(Program)}
    extra = [f.name for f in fields(program) if f.name not in known]
    return [f"{name} = {_literal(getattr(program, name))}" for name in extra]


def _options(record: Any) -> list[str]:
    shown: list[str] = []
    for item in fields(record):
        value = getattr(record, item.name)
        if item.default is MISSING or value != item.default:
            shown.append(f"{item.name}={_literal(value)}")
    return shown


def _literal(value: Any) -> str:
    if isinstance(value, Enum):
        return f"{type(value).__name__}.{value.name}"
    if isinstance(value, Ints):
        return repr(value.array.tolist()).replace(" ", "") if value.shape else str(int(value.array))
    if isinstance(value, Steps):
        return _nested(value.array.tolist())
    if isinstance(value, Fraction):
        return _fraction(value)
    if isinstance(value, tuple):
        inner = ", ".join(_literal(v) for v in value)  # pyright: ignore[reportUnknownVariableType]
        return f"({inner},)" if len(value) == 1 else f"({inner})"  # pyright: ignore[reportUnknownArgumentType]
    if is_dataclass(value):
        return f"{type(value).__name__}({', '.join(_options(value))})"
    return repr(value)


def _nested(value: Any) -> str:
    return "[" + ",".join(_nested(v) for v in value) + "]" if isinstance(value, list) else _fraction(value)


def _fraction(value: Fraction) -> str:
    return str(value) if value.denominator < 1 << 20 else f"{value.numerator}/2**{value.denominator.bit_length() - 1}" if value.denominator & (value.denominator - 1) == 0 else str(value)


# ---- parsing -------------------------------------------------------------------------------------


def parse_program(text: str, words: Vocabulary) -> Program[Any, Any]:
    """The program that `text` describes; raises `ParseError` with the line of the first mistake."""
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError) as error:
        raise ParseError(f"no {words.level} program: {error}", remedy="print one and compare") from error
    if len(body) < 2:
        raise ParseError("a program has a header and an output line", remedy="print one and compare")
    return _Reader(words).read(body)


class _Reader:
    def __init__(self, words: Vocabulary) -> None:
        self.words = words
        self.position: dict[str, int] = {}
        self.nodes: list[Node[Any, Any]] = []
        self.extras: dict[str, Any] = {}

    def read(self, body: Sequence[ast.stmt]) -> Program[Any, Any]:
        name = self.header(body[0])
        for statement in body[1:-1]:
            self.statement(statement)
        outputs = tuple(self.reference(a) for a in self.call(body[-1], "output").args)
        return self.words.program(name, tuple(self.nodes), outputs, **self.extras)

    def header(self, statement: ast.stmt) -> str:
        call = self.call(statement, self.words.level)
        schema = {k.arg: self.value(k.value) for k in call.keywords}.get("schema")
        if schema != SCHEMA:
            raise ParseError(
                f"schema {schema} is not {SCHEMA}", where="line 1", remedy="write it again with this version"
            )
        return str(self.value(call.args[0]))

    def call(self, statement: ast.stmt, name: str) -> ast.Call:
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
            found = statement.value
            if isinstance(found.func, ast.Name) and found.func.id == name:
                return found
        raise self.wrong(statement, f"expected {name}(...)")

    def wrong(self, place: ast.AST, what: str) -> ParseError:
        return ParseError(what, where=f"line {getattr(place, 'lineno', '?')}", remedy="print a program and compare")

    def statement(self, statement: ast.stmt) -> None:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            self.extras[statement.targets[0].id] = self.value(statement.value)
            return
        if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name):
            raise self.wrong(statement, "expected `name: type = Op(...)`")
        if not isinstance(statement.value, ast.Call):
            raise self.wrong(statement, "expected an operator on the right")
        name, call = statement.target.id, statement.value
        args = tuple(self.reference(a) for a in call.args)
        options = {k.arg: self.value(k.value) for k in call.keywords if k.arg}
        origin = _origin(str(options.pop("origin", "")))
        op = self.build(call, options)
        if not isinstance(op, Op) or name in self.position:
            raise self.wrong(statement, f"{name!r} is defined twice or is no operator")
        self.position[name] = len(self.nodes)
        self.nodes.append(Node(op, args, self.value(statement.annotation), name, origin))

    def reference(self, place: ast.expr) -> int:
        if isinstance(place, ast.Name) and place.id in self.position:
            return self.position[place.id]
        raise self.wrong(place, f"{ast.unparse(place)} is not defined above")

    def build(self, call: ast.Call, options: dict[str, Any]) -> Any:
        kind = self.words.classes.get(call.func.id) if isinstance(call.func, ast.Name) else None
        if kind is None:
            raise self.wrong(call, f"unknown word {ast.unparse(call.func)}")
        try:
            return kind(**{name: _coerced(kind, name, value) for name, value in options.items()})
        except (TypeError, ValueError, BitwrightError) as error:
            raise self.wrong(call, f"{kind.__name__}: {error}") from error

    def value(self, place: ast.expr) -> Any:
        match place:
            case ast.Constant(value=value):
                return value
            case ast.List(elts=items):
                return [self.value(i) for i in items]
            case ast.Tuple(elts=items):
                return tuple(self.value(i) for i in items)
            case ast.UnaryOp(op=ast.USub(), operand=inner):
                return -self.value(inner)
            case ast.BinOp(left=left, op=ast.Div(), right=right):
                return Fraction(self.value(left)) / self.value(right)
            case ast.BinOp(left=ast.Constant(value=2), op=ast.Pow(), right=right):
                return Fraction(2) ** self.exponent(right)
            case ast.Attribute(value=ast.Name(id=kind), attr=member) if kind in self.words.classes:
                return getattr(self.words.classes[kind], member)
            case ast.Call(keywords=keywords) if not place.args:
                return self.build(place, {k.arg: self.value(k.value) for k in keywords if k.arg})
            case _:
                raise self.wrong(place, f"unexpected {ast.unparse(place)[:60]}")

    def exponent(self, place: ast.expr) -> int:
        power = self.value(place)
        if not isinstance(power, int) or abs(power) > 4096:
            raise self.wrong(place, "the exponent is no small integer")
        return power


def _coerced(kind: type, name: str, value: Any) -> Any:
    """Numbers and lists become the array class that the field declares."""
    declared = next((f.type for f in fields(kind) if f.name == name), "")
    if declared == "Ints":
        return Ints(value)
    if declared == "Steps":
        return Steps.of(value)
    if declared == "Fraction":
        return Fraction(value)
    return value


def _origin(text: str) -> Origin:
    layer, separator, rest = text.removesuffix(")").rpartition(" (")
    return Origin(layer, tuple(rest.split(", "))) if separator else Origin(text)
