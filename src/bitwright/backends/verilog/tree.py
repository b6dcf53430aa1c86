"""The document tree of the Verilog-2005 that we write: modules, their items, statements, expressions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal as Choice

__all__ = [
    "Always",
    "Assign",
    "Binary",
    "Call",
    "Case",
    "Comment",
    "Concat",
    "Conditional",
    "Expression",
    "Function",
    "If",
    "Instance",
    "Item",
    "Literal",
    "Module",
    "Net",
    "Part",
    "PortDeclaration",
    "Ref",
    "Repeat",
    "Signed",
    "Statement",
    "Unary",
    "Update",
]


@dataclass(frozen=True, slots=True)
class Ref:
    """A whole net."""

    name: str


@dataclass(frozen=True, slots=True)
class Part:
    """Bits `high` down to `low` of a net, as an unsigned number; one bit where they are equal."""

    name: str
    high: int
    low: int


@dataclass(frozen=True, slots=True)
class Literal:
    """A sized number; `value` is taken modulo 2**width."""

    value: int
    width: int
    signed: bool = False


@dataclass(frozen=True, slots=True)
class Concat:
    """Parts side by side, the highest first."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """`part`, `count` times side by side; only inside a `Concat`."""

    count: int
    part: Expression


@dataclass(frozen=True, slots=True)
class Unary:
    """A prefix operator, reductions among them."""

    operator: str
    a: Expression


@dataclass(frozen=True, slots=True)
class Binary:
    """An infix operator."""

    operator: str
    a: Expression
    b: Expression


@dataclass(frozen=True, slots=True)
class Conditional:
    """test ? then : other."""

    test: Expression
    then: Expression
    other: Expression


@dataclass(frozen=True, slots=True)
class Signed:
    """The same bits as a signed number."""

    a: Expression


@dataclass(frozen=True, slots=True)
class Call:
    """A function of the module."""

    function: str
    args: tuple[Expression, ...]


Expression = Ref | Part | Literal | Concat | Repeat | Unary | Binary | Conditional | Signed | Call


@dataclass(frozen=True, slots=True)
class Update:
    """target <= value."""

    target: str
    value: Expression


@dataclass(frozen=True, slots=True)
class If:
    """if (test) begin ... end."""

    test: Expression
    body: tuple[Statement, ...]


Statement = Update | If


@dataclass(frozen=True, slots=True)
class Comment:
    """Lines of comment before what follows."""

    text: str


@dataclass(frozen=True, slots=True)
class Net:
    """A wire or register of the module; a wire may have its value right here."""

    kind: Choice["wire", "reg"]
    name: str
    width: int
    signed: bool = False
    value: Expression | None = None


@dataclass(frozen=True, slots=True)
class Assign:
    """assign target = value, with an optional remark at the line's end."""

    target: Ref | Part
    value: Expression
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Always:
    """always @(posedge clock) begin ... end."""

    clock: str
    body: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """case (selector) of `target`: labels to value, and the value of everything else."""

    selector: Expression
    target: str
    arms: tuple[tuple[tuple[Literal, ...], Expression], ...]
    default: Expression


@dataclass(frozen=True, slots=True)
class Function:
    """A function of one argument whose body is one case; Verilator writes an `often` called one only once."""

    name: str
    width: int
    signed: bool
    argument: Net
    body: Case
    remark: str = ""
    often: bool = False


@dataclass(frozen=True, slots=True)
class Instance:
    """A module placed: parameters (a `Literal` as a mask in hexadecimal) and connections by name."""

    module: str
    name: str
    connections: tuple[tuple[str, Expression], ...]
    parameters: tuple[tuple[str, int | str | Literal], ...] = ()


Item = Comment | Net | Assign | Always | Function | Instance


@dataclass(frozen=True, slots=True)
class PortDeclaration:
    """A port in the module's head."""

    direction: Choice["input", "output"]
    kind: Choice["wire", "reg"]
    name: str
    width: int
    signed: bool = False
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Module:
    """A module and what is said above it."""

    name: str
    about: str
    ports: tuple[PortDeclaration, ...]
    items: tuple[Item, ...]
