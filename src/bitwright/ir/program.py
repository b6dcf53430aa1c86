"""The one shape of every level: frozen ops in nodes, nodes in order, a program as a value."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from bitwright.core.naming import Namer
from bitwright.core.origin import Origin

__all__ = ["Builder", "Node", "Op", "Program", "Type"]

class Op:
    """Base of all operators: a frozen dataclass of fields, no behavior (that lives in rule tables)."""

    __slots__ = ()

class Type:
    """Base of the types of values: frozen dataclasses."""

    __slots__ = ()

O = TypeVar("O", bound=Op)
T = TypeVar("T", bound=Type)

@dataclass(frozen=True, slots=True)
class Node(Generic[O, T]):
    """One operation and the value it yields; `args` are the positions of earlier nodes."""

    op: O
    args: tuple[int, ...]
    type: T
    name: str
    origin: Origin = field(default_factory=Origin, compare=False)

@dataclass(frozen=True, slots=True)
class Program(Generic[O, T]):
    """Nodes in an order in which every argument comes first, and the positions of the outputs."""

    name: str
    nodes: tuple[Node[O, T], ...]
    outputs: tuple[int, ...]

    def __iter__(self) -> Iterator[Node[O, T]]:
        return iter(self.nodes)

    def __len__(self) -> int:
        return len(self.nodes)

    def args_of(self, node: Node[O, T]) -> list[Node[O, T]]:
        """The nodes whose values `node` reads."""
        return [self.nodes[i] for i in node.args]

    def consumers(self) -> list[list[int]]:
        """For each node the positions of the nodes that read it."""
        readers: list[list[int]] = [[] for _ in self.nodes]
        for position, node in enumerate(self.nodes):
            for argument in node.args:
                readers[argument].append(position)
        return readers

    def live(self) -> list[bool]:
        """For each node whether an output depends on it."""
        alive = [False] * len(self.nodes)
        for position in self.outputs:
            alive[position] = True
        for position in range(len(self.nodes) - 1, -1, -1):
            if alive[position]:
                for argument in self.nodes[position].args:
                    alive[argument] = True
        return alive

    def digest(self) -> str:
        """A content hash (SHA-256, hex) over ops, types and wiring; names and origins do not count."""
        parts = hashlib.sha256()
        for node in self.nodes:
            parts.update(repr((node.op, node.args, node.type)).encode())
        parts.update(repr(self.outputs).encode())
        return parts.hexdigest()

class Builder(Generic[O, T]):
    """Collects nodes and keeps their names unique; `add` returns the new node's position."""

    def __init__(self) -> None:
        self.nodes: list[Node[O, T]] = []
        self.fresh = Namer()

    def add(
        self, op: O, args: Sequence[int], type: T, name: str = "", origin: Origin | None = None
    ) -> int:
        """Append a node; a `name` that is taken gets a number."""
        label = self.fresh(name or op.__class__.__name__.lower())
        self.nodes.append(Node(op, tuple(args), type, label, origin or Origin()))
        return len(self.nodes) - 1

    def type(self, position: int) -> T:
        """The type of the value at `position`."""
        return self.nodes[position].type

    def finish(self, name: str, outputs: Sequence[int]) -> tuple[str, tuple[Node[O, T], ...], tuple[int, ...]]:
        """Name, nodes and outputs, ready for a program's constructor."""
        return name, tuple(self.nodes), tuple(outputs)

Any_Program = Program[Any, Any]
