"""Programs as text that a person can read and that parses back to an equal program.

The grammar is a subset of Python's, read with `ast` and never evaluated:

    graph('jets', schema=1)
    x: TensorType((16,), low=-128, high=127, step=1/16) = Input()
    fc1: TensorType((64,), low=-9, high=9, step=1/512) = Dense(x, weights=[[...]], bias=[...], origin='fc1')
    output(fc1)

A `Vocabulary` names the classes that may appear; anything else is refused. A program inside another one stands
there as its own text in triple quotes.
"""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields, is_dataclass, replace
from enum import Enum
from fractions import Fraction
from functools import cache
from typing import Any, get_type_hints

from bitwright.core.errors import BitwrightError, ParseError
from bitwright.core.origin import Origin
from bitwright.ir.declared import as_declared
from bitwright.ir.program import Node, Op, Program, Type
from bitwright.numeric import Ints, Steps

__all__ = ["SCHEMA", "Vocabulary", "parse_program", "print_program"]

SCHEMA = 1
_ARRAY = re.compile(r"(?<![\[\]0-9,-])\[[\[\]0-9,-]{256,}\]")
"""What may be a long array of integers. `ast` takes hundreds of bytes an element; these stand aside while it reads the
rest.
"""
_ASIDE = re.compile(r"__array_\d+__")


@dataclass(frozen=True)
class Vocabulary:
    """A level's words: its name, its program class, the classes and the programs that may appear in its text."""

    level: str
    program: type[Program[Any, Any]]
    classes: Mapping[str, type]
    programs: Mapping[str, Vocabulary] = field(default_factory=dict[str, "Vocabulary"])

    @classmethod
    def of(cls, level: str, program: type[Program[Any, Any]], *classes: type) -> Vocabulary:
        """A vocabulary of `classes` under their own names."""
        return cls(level, program, {c.__name__: c for c in classes})

    def holding(self, *words: Vocabulary) -> Vocabulary:
        """The same vocabulary, in which programs of `words` may stand too."""
        return replace(self, programs={w.program.__name__: w for w in words})


def print_program(program: Program[Any, Any], words: Vocabulary) -> str:
    """`program` as text: one line a node, arrays in full."""
    lines = [f"{words.level}({program.name!r}, schema={SCHEMA})"]
    for node in program.nodes:
        names = [program.nodes[i].name for i in node.args]
        options = _options(node.op, words)
        if node.origin != Origin():
            options.append(f"origin={_shown(node.origin)}")
        call = f"{type(node.op).__name__}({', '.join(names + options)})"
        lines.append(f"{node.name}: {_literal(node.type, words)} = {call}")
    lines += _extras(program, words)
    lines.append(f"output({', '.join(program.nodes[i].name for i in program.outputs)})")
    return "\n".join(lines) + "\n"


def _shown(origin: Origin) -> str:
    """As it reads; a layer name that looks like a list of passes stands in a tuple instead."""
    plain = str(origin)
    return repr(plain if _origin(plain) == origin else (origin.layer, *origin.passes))


def _extras(program: Program[Any, Any], words: Vocabulary) -> list[str]:
    """What a level keeps beside nodes and outputs (the netlist's ports), a line each."""
    known = {f.name for f in fields(Program)}
    extra = [f.name for f in fields(program) if f.name not in known]
    return [f"{name} = {_literal(getattr(program, name), words)}" for name in extra]


def _options(record: Any, words: Vocabulary) -> list[str]:
    shown: list[str] = []
    for item in fields(record):
        value = getattr(record, item.name)
        if item.default is MISSING or value != item.default:
            shown.append(f"{item.name}={_literal(value, words)}")
    return shown


def _literal(value: Any, words: Vocabulary) -> str:
    if isinstance(value, Program):
        return _quoted(value, words)  # pyright: ignore[reportUnknownArgumentType]
    if isinstance(value, Enum):
        return f"{type(value).__name__}.{value.name}"
    if isinstance(value, Ints):
        return repr(value.array.tolist()).replace(" ", "") if value.shape else str(int(value.array))
    if isinstance(value, Steps):
        return _nested(value.array.tolist())
    if isinstance(value, Fraction):
        return _fraction(value)
    if isinstance(value, tuple):
        inner = ", ".join(_literal(v, words) for v in value)  # pyright: ignore[reportUnknownVariableType]
        return f"({inner},)" if len(value) == 1 else f"({inner})"  # pyright: ignore[reportUnknownArgumentType]
    if is_dataclass(value):
        return f"{type(value).__name__}({', '.join(_options(value, words))})"
    return repr(value)


def _quoted(program: Program[Any, Any], words: Vocabulary) -> str:
    """A program inside another one: its text in triple quotes."""
    kind = type(program).__name__
    text = print_program(program, words.programs[kind]).replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    return f'{kind}("""{text}""")'


def _nested(value: Any) -> str:
    return "[" + ",".join(_nested(v) for v in value) + "]" if isinstance(value, list) else _fraction(value)


def _fraction(value: Fraction) -> str:
    top, bottom = value.numerator, value.denominator
    if bottom < 1 << 20 or bottom & (bottom - 1):
        return str(value)
    return f"{top}/2**{bottom.bit_length() - 1}"


def parse_program(text: str, words: Vocabulary) -> Program[Any, Any]:
    """The program that `text` describes; raises `ParseError` with the line of the first mistake.

    Every field has the type that its class declares; what the program means is for `check` to judge.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)  # "1if" is refused anyway
            reader = _Reader(words)
            body = ast.parse(reader.without_arrays(text)).body
        if len(body) < 2:
            raise ParseError("a program has a header and an output line", remedy="print one and compare")
        return reader.read(body)
    except ParseError:
        raise
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ParseError(f"no {words.level} program: {error}", remedy="print one and compare") from error


_hints = cache(get_type_hints)


class _Reader:
    def __init__(self, words: Vocabulary) -> None:
        self.words = words
        self.position: dict[str, int] = {}
        self.nodes: list[Node[Any, Any]] = []
        self.extras: dict[str, Any] = {}
        self.arrays: dict[str, str] = {}

    def without_arrays(self, text: str) -> str:
        """The text with a name for each long array."""
        return text if "__array_" in text else _ARRAY.sub(self.aside, text)

    def aside(self, found: re.Match[str]) -> str:
        """A name for an array; what is none, as half of one with fractions, stays where it is."""
        try:
            json.loads(found[0])
        except (ValueError, RecursionError):
            return found[0]
        name = f"__array_{len(self.arrays)}__"
        self.arrays[name] = found[0]
        return name

    def read(self, body: Sequence[ast.stmt]) -> Program[Any, Any]:
        name = self.header(body[0])
        for statement in body[1:-1]:
            self.statement(statement)
        end = self.call(body[-1], "output")
        outputs = tuple(self.reference(a) for a in end.args)
        wanted = {f.name for f in fields(self.words.program)} - {f.name for f in fields(Program)}
        if end.keywords or set(self.extras) != wanted:
            raise self.wrong(body[-1], f"beside nodes and outputs a {self.words.level} has {sorted(wanted)}")
        return self.words.program(name, tuple(self.nodes), outputs, **self.extras)

    def header(self, statement: ast.stmt) -> str:
        call = self.call(statement, self.words.level)
        schema = self.keywords(call).get("schema")
        if schema != SCHEMA:
            raise ParseError(
                f"schema {schema} is not {SCHEMA}", where="line 1", remedy="write it again with this version"
            )
        name = self.value(call.args[0]) if len(call.args) == 1 else None
        if not isinstance(name, str):
            raise self.wrong(call, "the header names the program")
        return name

    def call(self, statement: ast.stmt, name: str) -> ast.Call:
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
            found = statement.value
            if isinstance(found.func, ast.Name) and found.func.id == name:
                return found
        raise self.wrong(statement, f"expected {name}(...)")

    def wrong(self, place: ast.AST, what: str) -> ParseError:
        return ParseError(what, where=f"line {getattr(place, 'lineno', '?')}", remedy="print a program and compare")

    def statement(self, statement: ast.stmt) -> None:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                self.extras[name] = self.extra(name, value)
            case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation, value=ast.Call() as call):
                self.node(name, annotation, call)
            case _:
                raise self.wrong(statement, "expected `name: type = Op(...)`")

    def extra(self, name: str, place: ast.expr) -> Any:
        try:
            return as_declared(_hints(self.words.program)[name], self.value(place))
        except (TypeError, ValueError, LookupError) as error:
            raise self.wrong(place, f"{name}: {error}") from error

    def node(self, name: str, annotation: ast.expr, call: ast.Call) -> None:
        args = tuple(self.reference(a) for a in call.args)
        options = self.keywords(call)
        origin = _origin(options.pop("origin", ""))
        op, type = self.build(call, options), self.value(annotation)
        if not isinstance(op, Op) or not isinstance(type, Type) or name in self.position:
            raise self.wrong(call, f"{name!r} is defined twice, is no operator or has no type")
        self.position[name] = len(self.nodes)
        self.nodes.append(Node(op, args, type, name, origin))

    def keywords(self, call: ast.Call) -> dict[str, Any]:
        if any(k.arg is None for k in call.keywords):
            raise self.wrong(call, "options have names")
        return {str(k.arg): self.value(k.value) for k in call.keywords}

    def reference(self, place: ast.expr) -> int:
        if isinstance(place, ast.Name) and place.id in self.position:
            return self.position[place.id]
        raise self.wrong(place, f"{ast.unparse(place)[:60]} is not defined above")

    def build(self, call: ast.Call, options: dict[str, Any]) -> Any:
        kind = self.words.classes.get(call.func.id) if isinstance(call.func, ast.Name) else None
        if kind is None or not is_dataclass(kind):
            raise self.wrong(call, f"unknown word {ast.unparse(call.func)[:60]}")
        try:
            hints = _hints(kind)
            return kind(**{name: as_declared(hints[name], value) for name, value in options.items()})
        except (TypeError, ValueError, LookupError, ArithmeticError, BitwrightError) as error:
            raise self.wrong(call, f"{kind.__name__}: {error}") from error

    def value(self, place: ast.expr) -> Any:
        match place:
            case ast.Constant(value=value):
                return self.restored(place, value)
            case ast.Name(id=name) if _ASIDE.fullmatch(name):
                return json.loads(self.put_back(place, name))
            case ast.List(elts=items):
                return [self.value(i) for i in items]
            case ast.Tuple(elts=items):
                return tuple(self.value(i) for i in items)
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int(value))):
                return -value
            case ast.BinOp(left=left, op=ast.Div(), right=right):
                return self.quotient(place, self.value(left), self.value(right))
            case ast.BinOp(left=ast.Constant(value=2), op=ast.Pow(), right=right):
                return Fraction(2) ** self.exponent(right)
            case ast.Attribute(value=ast.Name(id=kind), attr=member):
                return self.member(place, kind, member)
            case ast.Call():
                return self.record(place)
            case _:
                raise self.wrong(place, f"unexpected {ast.unparse(place)[:60]}")

    def put_back(self, place: ast.expr, name: str) -> str:
        """An array that stood aside: once, so that no text asks for more than it holds."""
        if name not in self.arrays:
            raise self.wrong(place, f"{name} is not defined above")
        return self.arrays.pop(name)

    def restored(self, place: ast.expr, value: Any) -> Any:
        """A constant; a string with the arrays that stood aside from it."""
        if not isinstance(value, str) or not self.arrays:
            return value
        return _ASIDE.sub(lambda found: self.put_back(place, found[0]), value)

    def record(self, place: ast.Call) -> Any:
        match place:
            case ast.Call(func=ast.Name(id=kind), args=[ast.Constant(value=str()) as text]) if (
                kind in self.words.programs
            ):
                return parse_program(self.value(text), self.words.programs[kind])
            case ast.Call(func=ast.Name(id=kind), args=items) if items and kind in self.words.classes:
                return self.build(place, self.positional(place, kind, items) | self.keywords(place))
            case ast.Call(args=[]):
                return self.build(place, self.keywords(place))
            case _:
                raise self.wrong(place, f"unexpected {ast.unparse(place)[:60]}")

    def positional(self, place: ast.Call, kind: str, items: Sequence[ast.expr]) -> dict[str, Any]:
        """A type's first fields may stand without their names."""
        record = self.words.classes[kind]
        names = [f.name for f in fields(record)] if is_dataclass(record) else []
        if len(items) > len(names):
            raise self.wrong(place, f"{kind} has no {len(items)} fields")
        return dict(zip(names, (self.value(i) for i in items), strict=False))

    def quotient(self, place: ast.expr, above: Any, below: Any) -> Fraction:
        if isinstance(above, int | Fraction) and isinstance(below, int | Fraction) and below:
            return Fraction(above) / below
        raise self.wrong(place, "no fraction of numbers")

    def member(self, place: ast.expr, kind: str, name: str) -> Any:
        choice = self.words.classes.get(kind)
        if isinstance(choice, type) and issubclass(choice, Enum) and name in choice.__members__:
            return choice[name]
        raise self.wrong(place, f"unknown word {kind}.{name}")

    def exponent(self, place: ast.expr) -> int:
        power = self.value(place)
        if not isinstance(power, int) or abs(power) > 4096:
            raise self.wrong(place, "the exponent is no small integer")
        return power


def _origin(told: Any) -> Origin:
    """From `'fc1 (share, retime)'` or from a tuple of the layer and the passes."""
    layer, separator, rest = str(told).removesuffix(")").rpartition(" (")
    if isinstance(told, tuple):
        layer, *passes = map(str, told or ("",))
        return Origin(layer, tuple(passes))
    return Origin(layer, tuple(rest.split(", "))) if separator else Origin(str(told))
