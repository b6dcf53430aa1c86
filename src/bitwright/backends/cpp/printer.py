"""A C++ document tree as text: two spaces, lines up to 100 columns."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from bitwright.backends.cpp.tree import (
    Array,
    Block,
    Comment,
    For,
    Function,
    Item,
    Line,
    Namespace,
    Pragma,
    Struct,
)

__all__ = ["printed", "remark"]

_COLUMNS = 100
_INDENT = "  "


def printed(items: Iterable[Item]) -> str:
    """The text of `items`, with a newline at its end."""
    lines: list[str] = []
    for item in items:
        lines += _PRINTERS[type(item)](item)
    kept = [line for line, before in zip(lines, ["", *lines], strict=False) if line or before]
    return "\n".join(kept).rstrip("\n") + "\n"


def remark(text: str) -> str:
    r"""`text` as the words of a comment: no control characters, nothing that would continue the line.

    >>> remark("fc1\\\n#error")
    'fc1/ #error'
    """
    return re.sub(r"[^\x20-\x7e]+", " ", text.replace("\\", "/")).rstrip()


def _inside(items: Iterable[Item]) -> list[str]:
    """The lines of `items` one step in, without empty ones at either end."""
    lines = "\n".join(line for item in items for line in _one(item)).strip("\n").split("\n")
    return [_INDENT + line if line and not line.startswith("#") else line for line in lines] if any(lines) else []


def _one(item: Item) -> list[str]:
    return _PRINTERS[type(item)](item)


def _line(item: Line) -> list[str]:
    return [item.text]


def _comment(item: Comment) -> list[str]:
    return [f"// {remark(line)}".rstrip() for line in item.text.split("\n")]


def _about(text: str) -> list[str]:
    return [f"/// {remark(line)}".rstrip() for line in text.split("\n")] if text else []


def _pragma(item: Pragma) -> list[str]:
    return [f"#pragma {item.text}"]


def _for(item: For) -> list[str]:
    label = f"{item.label}: " if item.label else ""
    head = f"{label}for (std::size_t {item.index} = 0; {item.index} < {item.stop}; ++{item.index}) {{"
    return [head, *_inside(item.body), "}"]


def _block(item: Block) -> list[str]:
    return [f"{item.head} {{", *_inside(item.body), "}"]


def _array(item: Array) -> list[str]:
    head = f"{item.storage} {item.type} {item.name}[{len(item.values)}] = {{"
    short = f"{head}{', '.join(item.values)}}};" if len(item.values) <= _COLUMNS else ""
    if short and len(short) <= _COLUMNS:
        return [short]
    return [head, *_filled(item.values), "};"]


def _filled(values: tuple[str, ...]) -> Iterator[str]:
    line = _INDENT
    for value in values:
        if len(line) + len(value) + 1 > _COLUMNS:
            yield line.rstrip()
            line = _INDENT
        line += f"{value}, "
    yield line.rstrip()


def _function(item: Function) -> list[str]:
    return ["", *_about(item.about), *item.head.split("\n")[:-1], f"{item.head.split(chr(10))[-1]} {{",
            *_inside(item.body), "}", ""]  # fmt: skip


def _struct(item: Struct) -> list[str]:
    head = [item.template] if item.template else []
    return ["", *_about(item.about), *head, f"struct {item.name} {{", *_inside(item.items), "};", ""]


def _namespace(item: Namespace) -> list[str]:
    body = [line for part in item.items for line in _one(part)]
    return ["", *_about(item.about), f"namespace {item.name} {{", "", *body, "", f"}}  // namespace {item.name}", ""]


_PRINTERS: dict[type, Callable[[Any], list[str]]] = {
    Line: _line,
    Comment: _comment,
    Pragma: _pragma,
    For: _for,
    Block: _block,
    Array: _array,
    Function: _function,
    Struct: _struct,
    Namespace: _namespace,
}
