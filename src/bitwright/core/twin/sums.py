"""A linear function as nested sums of many addends, under rewriting."""

from __future__ import annotations

from bisect import bisect_left, insort
from copy import copy
from dataclasses import dataclass, field
from typing import NamedTuple

from bitwright.core.twin.ternary import Addend, Code, Row, input_code, ternary_level, ternary_tree

__all__ = ["Sum", "Sums", "ordered", "substituted"]

Sum = tuple[Addend, ...]
"""Ordered by (node, shift, sign), no node twice with one shift."""


def ordered(addends: list[Addend]) -> Sum:
    """A sum: of two equal addends one of twice the value stays, of two opposite ones none."""
    made = sorted(addends)
    i = 0
    while i + 1 < len(made):
        (node, shift, sign), (other, other_shift, other_sign) = made[i : i + 2]
        if (node, shift) != (other, other_shift):
            i += 1
            continue
        del made[i : i + 2]
        if sign == other_sign:
            insort(made, (node, shift + 1, sign))
        i = max(0, i - 1)
    return tuple(made)


def substituted(whole: Sum, node: int, by: Sum) -> Sum:
    """`whole` with every addend `node` replaced by the addends of `by`."""
    made: list[Addend] = []
    for addend in whole:
        if addend[0] != node:
            made.append(addend)
            continue
        _, shift, sign = addend
        made += [(inner, inner_shift + shift, inner_sign * sign) for inner, inner_shift, inner_sign in by]
    return ordered(made)


_NOTHING = Code(0, 0, 0, 0)


@dataclass(slots=True)
class _Node:
    code: Code = _NOTHING
    sum: Sum = ()
    version: int = 0
    level: int = 0
    cost: int = 0
    alive: bool = False
    root: bool = False
    users: list[int] = field(default_factory=list[int])


class _Past(NamedTuple):
    node: int
    sum: Sum
    code: Code
    level: int
    cost: int
    alive: bool


class Sums:
    """Nested sums; what their levels promise is said in `src/native/sums.hpp`."""

    def __init__(self, low: list[int], high: list[int]) -> None:
        self.inputs = len(low)
        self.total = 0
        self.clock = 0
        self._nodes = [_Node(input_code(*ends)) for ends in zip(low, high, strict=True)]
        self._free: list[int] = []
        self._past: list[_Past] = []

    def copy(self) -> Sums:
        """Another one that is changed on its own; nothing may be left to commit."""
        made = copy(self)
        made._nodes = [copy(node) for node in self._nodes]
        for node in made._nodes:
            node.users = node.users.copy()
        made._free, made._past = self._free.copy(), []
        return made

    def __len__(self) -> int:
        return len(self._nodes)

    def alive(self, node: int) -> bool:
        """Whether the sum is there."""
        return self._nodes[node].alive

    def is_root(self, node: int) -> bool:
        """Whether an output reads it."""
        return self._nodes[node].root

    def level(self, node: int) -> int:
        """When it is ready at the latest."""
        return self._nodes[node].level

    def cost(self, node: int) -> int:
        """What it took when it was last changed."""
        return self._nodes[node].cost

    def sum(self, node: int) -> Sum:
        """Its addends."""
        return self._nodes[node].sum

    def users(self, node: int) -> list[int]:
        """The sums that have `node` among their addends, ascending."""
        return self._nodes[node].users

    def version(self, node: int) -> int:
        """The clock of its last change."""
        return self._nodes[node].version

    def _weight(self, addends: Sum) -> int:
        nodes = self._nodes
        return sum([3 ** nodes[node].level for node, _, _ in addends])

    def fits(self, addends: Sum, level: int) -> bool:
        """Whether a sum can be ready at `level`."""
        return self._weight(addends) <= 3**level

    def earliest(self, addends: Sum) -> int:
        """The earliest level at which a sum can be ready."""
        return ternary_level(self._weight(addends))

    def cost_of(self, addends: Sum, level: int, root: bool) -> int:
        """What a sum takes, ready at `level`."""
        nodes = self._nodes
        operands = [nodes[addend[0]].code.operand(addend, nodes[addend[0]].level) for addend in addends]
        return ternary_tree(operands, level, root)[0]

    def build(self, node: int, made: list[Addend | None], first_node: int, rows: list[Row]) -> Addend:
        """Append the adders of `node`, numbered from `first_node`; `made` tells what stands for its addends."""
        nodes, at = self._nodes, self._nodes[node]
        operands = [nodes[addend[0]].code.operand(addend, nodes[addend[0]].level) for addend in at.sum]
        for i, operand in enumerate(operands):
            known = made[operand.node]
            assert known is not None
            operands[i] = operand._replace(node=known[0], shift=operand.shift + known[1])
        _, whole = ternary_tree(operands, at.level, at.root, rows, first_node)
        return whole.node, whole.shift, whole.sign

    def _code_of(self, addends: Sum) -> Code:
        operands = [self._nodes[addend[0]].code.operand(addend, 0) for addend in addends]
        high = sum(operand.high for operand in operands)
        start = min(operand.start for operand in operands)
        return Code(sum(operand.low for operand in operands), high, start, high.bit_length())

    def next(self) -> int:
        """The number that `add` would give to the next sum."""
        return self._free[-1] if self._free else len(self)

    def imagine(self, addends: Sum) -> None:
        """Let `next()` be read as an operand of the value of a sum, without adding it."""
        node = self.next()
        if node == len(self):
            self._nodes.append(_Node())
            self._free.append(node)
        self._nodes[node].code = self._code_of(addends)
        self._nodes[node].level = self.earliest(addends)

    def add(self, addends: Sum, level: int, root: bool) -> int:
        """Its number."""
        node = self.next()
        if self._free:
            self._free.pop()
        else:
            self._nodes.append(_Node())
        at = self._nodes[node]
        at.code, at.level, at.root = self._code_of(addends), level, root
        self._put(node, addends, True)
        return node

    def change(self, node: int, addends: Sum) -> None:
        """Give `node` other addends of the same value."""
        self._put(node, addends, True)

    def remove(self, node: int) -> None:
        """Take away a sum that nothing reads."""
        self._put(node, (), False)

    def _put(self, node: int, addends: Sum, alive: bool) -> None:
        at = self._nodes[node]
        self._past.append(_Past(node, at.sum, at.code, at.level, at.cost, at.alive))
        self._unlink(node)
        at.sum, at.alive = addends, alive
        if alive:
            at.code = self._code_of(addends)
        self._changed(node, self.cost_of(addends, at.level, at.root) if alive else 0)

    def _changed(self, node: int, cost: int) -> None:
        at = self._nodes[node]
        self.clock += 1
        at.version = self.clock
        self.total += cost - at.cost
        at.cost = cost
        for addend in at.sum:
            users = self._nodes[addend[0]].users
            place = bisect_left(users, node)
            if place == len(users) or users[place] != node:
                users.insert(place, node)

    def relax(self, node: int, level: int) -> None:
        """Give `node` another level, for good."""
        at = self._nodes[node]
        self.total -= at.cost
        at.level = level
        at.cost = self.cost_of(at.sum, level, at.root)
        self.total += at.cost

    def commit(self) -> None:
        """Keep every change since the last call."""
        freed = [past.node for past in self._past if past.alive and not self._nodes[past.node].alive]
        self._free = sorted({*self._free, *freed}, reverse=True)
        self._past = []

    def roll_back(self) -> None:
        """Take back every change since the last `commit`."""
        past, self._past = self._past, []
        for change in reversed(past):
            at = self._nodes[change.node]
            self._unlink(change.node)
            _, at.sum, at.code, at.level, cost, at.alive = change
            self._changed(change.node, cost)
            if not at.alive:
                self._free.append(change.node)
        self.commit()

    def _unlink(self, node: int) -> None:
        for addend in self._nodes[node].sum:
            users = self._nodes[addend[0]].users
            place = bisect_left(users, node)
            if place < len(users) and users[place] == node:
                del users[place]
