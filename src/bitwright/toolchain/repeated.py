"""Modules that a design places many times: a simulator compiles them once instead of inlining every copy."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["repeated_modules"]

_MODULE = re.compile(r"^module\s+(\w+)\s*(#?)(.*?)^endmodule", re.MULTILINE | re.DOTALL)
_PLACED = re.compile(r"^\s*(\w+)\s+(?:#\s*\(|\w+\s*\()", re.MULTILINE)
_SAVED = 500_000
"""Characters of Verilog: below, what sharing saves is less than what another run of the simulator's compiler costs."""


@dataclass(frozen=True)
class _Module:
    """A module: characters, whether it has a clock and no parameters, whether it reads files, what it places."""

    size: int
    plain: bool
    reads: bool
    parts: Counter[str]


def repeated_modules(contents: Mapping[str, bytes], top: str, saved: int = _SAVED) -> tuple[str, ...]:
    """The outermost clocked modules without parameters and memory images whose copies add up, in sources by name.

    `saved`: characters of Verilog that the copies after the first must have together, all that they place included.
    A copy inside a generate loop counts once.
    """
    modules = _modules(contents)
    copies = Counter(_placed(top, modules))

    def chosen(name: str) -> Iterator[str]:
        if (copies[name] - 1) * _size(name, modules) >= saved and _alone(name, modules):
            yield name
            return
        for part in modules[name].parts:
            yield from chosen(part)

    return tuple(sorted(set(chosen(top)))) if top in modules else ()


def _modules(contents: Mapping[str, bytes]) -> dict[str, _Module]:
    texts: dict[str, tuple[bool, str]] = {}
    for name, content in contents.items():
        if Path(name).suffix in (".v", ".sv"):
            for found in _MODULE.finditer(content.decode()):
                texts[found[1]] = bool(found[2]), found[3]
    made: dict[str, _Module] = {}
    for name, (has_parameters, text) in texts.items():
        clocked = re.search(r"\binput\s+(?:wire\s+)?clk\b", text) is not None
        parts = Counter(kind for kind in _PLACED.findall(text) if kind in texts)
        made[name] = _Module(len(text), clocked and not has_parameters, "$readmem" in text, parts)
    return made


def _placed(top: str, modules: Mapping[str, _Module]) -> Iterator[str]:
    """Every copy of every module below `top`."""
    for part, count in modules[top].parts.items() if top in modules else ():
        for _ in range(count):
            yield part
            yield from _placed(part, modules)


def _size(name: str, modules: Mapping[str, _Module]) -> int:
    own = modules[name]
    return own.size + sum(count * _size(part, modules) for part, count in own.parts.items())


def _alone(name: str, modules: Mapping[str, _Module]) -> bool:
    """Whether the module can be compiled by itself; its parts may have parameters, or no clock."""
    below = {name, *_placed(name, modules)}
    return modules[name].plain and not any(modules[part].reads for part in below)
