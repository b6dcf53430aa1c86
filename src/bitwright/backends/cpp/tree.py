"""The document tree of the C++ that we write: declarations, functions, loops; expressions are text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

__all__ = [
    "Array",
    "Block",
    "Comment",
    "For",
    "Function",
    "Item",
    "Line",
    "Namespace",
    "Pragma",
    "Statement",
    "Struct",
    "parameter",
]


@dataclass(frozen=True, slots=True)
class Line:
    """A statement or declaration with its semicolon, or an empty line."""

    text: str = ""


@dataclass(frozen=True, slots=True)
class Comment:
    """Lines of comment."""

    text: str


@dataclass(frozen=True, slots=True)
class Pragma:
    """A directive for a synthesis tool, in words that the vendor's table turns into text."""

    text: str


@dataclass(frozen=True, slots=True)
class For:
    """for (index = 0; index < stop; ++index) { ... }; `label` names the loop."""

    index: str
    stop: str | int
    body: tuple[Statement, ...]
    label: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """head { ... }"""

    head: str
    body: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Array:
    """A constant array; values in C order, any number of them a line."""

    type: str
    name: str
    values: tuple[str, ...]
    storage: str = "inline constexpr"


@dataclass(frozen=True, slots=True)
class Function:
    """A function; `about` is said above it."""

    head: str
    body: tuple[Statement, ...]
    about: str = ""


@dataclass(frozen=True, slots=True)
class Struct:
    """A struct with its members; `template` stands before it."""

    name: str
    items: tuple[Item, ...]
    about: str = ""
    template: str = ""


@dataclass(frozen=True, slots=True)
class Namespace:
    """namespace name { ... }"""

    name: str
    items: tuple[Item, ...]
    about: str = ""


def parameter(type: str, name: str, body: Sequence[Statement]) -> str:
    """A parameter's declaration, marked where the body does not read it.

    >>> parameter("int", "x", [Line("return 1;")]), parameter("int", "x", [Line("return x;")])
    ('[[maybe_unused]] int x', 'int x')
    """
    read = any(re.search(rf"\b{name}\b", text) for text in _texts(body))
    return f"{type} {name}" if read else f"[[maybe_unused]] {type} {name}"


def _texts(body: Sequence[Statement]) -> Iterator[str]:
    for item in body:
        if isinstance(item, Line):
            yield item.text
        elif isinstance(item, For | Block):
            yield item.head if isinstance(item, Block) else str(item.stop)
            yield from _texts(item.body)


Statement = Line | Comment | Pragma | For | Block | Array
Item = Statement | Function | Struct | Namespace
