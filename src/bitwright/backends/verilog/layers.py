"""Which words go into which module: one per user layer, split only where layers call each other in turn."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from bitwright.core.naming import identifier
from bitwright.ir.netlist.netlist import Netlist
from bitwright.ir.netlist.ops import Input

__all__ = ["Layer", "layers", "word_names"]


@dataclass(frozen=True, slots=True)
class Layer:
    """The words (positions, in order) of one layer's module; `part` counts from 1 where it was split."""

    name: str
    words: tuple[int, ...]
    part: int = 0

    @property
    def title(self) -> str:
        """The user's layer, with the part where there are several."""
        return f"{self.name or 'logic'} (part {self.part})" if self.part else self.name or "logic"


def layers(netlist: Netlist, constant: list[bool]) -> list[Layer]:
    """The words that need logic, grouped so that no module waits for itself, in an order in which
    every module comes after those that it reads.

    A layer that is used twice (f, g, f, g) would form a circle of modules; it becomes one module per
    use: words of such layers are split by how many layers lie before them.
    """
    owner = _owners(netlist, constant)
    circular = _circular(_edges(netlist, owner))
    if circular:
        owner = _split(netlist, owner, circular)
    members: dict[tuple[str, int], list[int]] = defaultdict(list)
    for position, key in enumerate(owner):
        if key is not None:
            members[key].append(position)
    order = _ordered(_edges(netlist, owner), list(members))
    total = Counter(name for name, _ in order)
    seen: Counter[str] = Counter()
    found: list[Layer] = []
    for name, level in order:
        seen[name] += 1
        found.append(Layer(name, tuple(members[(name, level)]), seen[name] if total[name] > 1 else 0))
    return found


_Key = tuple[str, int]


def _owners(netlist: Netlist, constant: list[bool]) -> list[_Key | None]:
    """The layer of each word; None for inputs and numbers, which need no module."""
    return [
        None if constant[position] or isinstance(node.op, Input) else (node.origin.layer, 0)
        for position, node in enumerate(netlist.nodes)
    ]


def _edges(netlist: Netlist, owner: list[_Key | None]) -> dict[_Key, set[_Key]]:
    """For each module the modules that it reads."""
    reads: dict[_Key, set[_Key]] = {}
    for node, mine in zip(netlist.nodes, owner, strict=True):
        if mine is None:
            continue
        sources = reads.setdefault(mine, set())
        for argument in node.args:
            other = owner[argument]
            if other is not None and other != mine:
                sources.add(other)
    return reads


def _circular(reads: dict[_Key, set[_Key]]) -> set[_Key]:
    """What remains when modules without a source or without a reader are taken away again and again."""
    left = set(reads)
    while True:
        read = {source for key in left for source in reads[key]}
        free = {key for key in left if key not in read or not reads[key] & left}
        if not free:
            return left
        left -= free


def _split(netlist: Netlist, owner: list[_Key | None], circular: set[_Key]) -> list[_Key | None]:
    """Every change of layer raises the level, so that modules of (layer, level) cannot form a circle."""
    levels: list[int] = []
    split: list[_Key | None] = []
    for node, mine in zip(netlist.nodes, owner, strict=True):
        level = max((levels[a] + (owner[a] != mine) for a in node.args if owner[a] is not None), default=0)
        levels.append(level)
        split.append((mine[0], level) if mine is not None and mine in circular else mine)
    return split


def _ordered(reads: dict[_Key, set[_Key]], keys: list[_Key]) -> list[_Key]:
    """`keys` with sources first; among equals the given order stays."""
    done: dict[_Key, None] = {}
    for key in keys:
        stack = [key]
        while stack:
            waiting = [source for source in sorted(reads[stack[-1]]) if source not in done]
            if waiting:
                stack.append(waiting[0])
            else:
                done[stack.pop()] = None
    return list(done)


def word_names(netlist: Netlist, reserved: Iterable[str]) -> list[str]:
    """A Verilog name for every word: its own, with a `w_` before it where that is reserved."""
    taken = set(reserved)
    own = {node.name for node in netlist.nodes}
    names: list[str] = []
    for node in netlist.nodes:
        name = identifier(node.name)
        while name in taken or (name != node.name and name in own):
            name = f"w_{name}"
        taken.add(name)
        names.append(name)
    return names
