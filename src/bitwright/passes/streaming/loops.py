"""Equal steps in a graph: what `roll` makes a cell of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from bitwright.ir.graph import Graph, TensorType, evaluate
from bitwright.ir.graph.ops import Concat, Dense, GraphOp, Input, Map, Slice
from bitwright.numeric import IntArray
from bitwright.passes.rewrite import GraphNode

__all__ = ["Loop", "loops", "needed_nodes"]

_FEWEST = 3
"""Rows of a sequence that is worth it: what is in the middle tells the cell."""
_MOST_CODES = 1 << 20


@dataclass
class Loop:
    """Steps that are one cell: `levels[t]` are the nodes of step t in order, the row's slice first.

    `images`: for each step the node that stands for a template's node, `beside`: more of them (step, template's node).
    `states`: what the template reads of the step before it, and the template's nodes that are the same a step later;
    `slots`: these, each with its first codes. `sequences`: nodes of the graph that are all results of a template's
    node, and whether in the order of time; `lasts`: template's nodes whose last result is read; `derived`: what is read
    of the step before, but is a function of `slots`.
    """

    source: int
    rows: list[int]
    backward: bool
    levels: list[list[int]]
    images: list[dict[int, int]] = field(default_factory=list[dict[int, int]])
    beside: dict[int, tuple[int, int]] = field(default_factory=dict[int, tuple[int, int]])
    states: dict[int, int] = field(default_factory=dict[int, int])
    slots: dict[int, IntArray] = field(default_factory=dict[int, IntArray])
    sequences: dict[int, tuple[int, bool]] = field(default_factory=dict[int, tuple[int, bool]])
    lasts: list[int] = field(default_factory=list[int])
    derived: list[int] = field(default_factory=list[int])

    @property
    def middle(self) -> int:
        """The step that is the template."""
        return len(self.levels) - 2


def loops(program: Graph) -> Iterator[Loop]:
    """The loops of a graph."""
    for source, rows in _sequences(program):
        for backward in (False, True):
            ordered = rows[::-1] if backward else rows
            loop = Loop(source, ordered, backward, _levels(program, source, ordered))
            if _matched(program, loop) and _read_from_outside(program, loop) and _is_whole(program, loop):
                yield loop


def _sequences(program: Graph) -> Iterator[tuple[int, list[int]]]:
    """Tensors of which every row is sliced, with the slices in the order of the rows."""
    found: dict[int, dict[int, int]] = {}
    for position, node in enumerate(program.nodes):
        if isinstance(node.op, Slice):
            shape = program.nodes[node.args[0]].type.shape
            if len(shape) > 1 and node.type.shape == (1, *shape[1:]) and set(node.op.strides) == {1}:
                found.setdefault(node.args[0], {}).setdefault(node.op.starts[0], position)
    for source, rows in found.items():
        count = program.nodes[source].type.shape[0]
        if count >= _FEWEST and sorted(rows) == list(range(count)):
            yield source, [rows[t] for t in range(count)]


def _levels(program: Graph, source: int, rows: Sequence[int]) -> list[list[int]]:
    """For each step the nodes that depend on its row and on none that comes later."""
    own = {row: step for step, row in enumerate(rows)}
    level: list[int] = []
    for position, node in enumerate(program.nodes):
        at = max((level[a] for a in node.args), default=-1)
        if isinstance(node.op, Input):
            at = len(rows)
        level.append(own.get(position, at))
    found: list[list[int]] = [[] for _ in rows]
    for position, at in enumerate(level):
        if 0 <= at < len(rows):
            found[at].append(position)
    return found


def _matched(program: Graph, loop: Loop) -> bool:
    """Finds the template's states, and the nodes that stand for the template's in each step."""
    template, before = loop.levels[loop.middle], loop.levels[loop.middle - 1]
    if [type(program.nodes[n].op) for n in template] != [type(program.nodes[n].op) for n in before]:
        return False
    back = dict(zip(before, template, strict=True))
    loop.states = {a: back[a] for n in template for a in program.nodes[n].args if a in back}
    loop.slots = {slot: np.zeros(0, dtype=np.int64) for slot in dict.fromkeys(loop.states.values())}
    for step in range(len(loop.levels)):
        loop.images.append(_Step(program, loop, step).image())
    return bool(loop.slots) and all(codes.size for codes in loop.slots.values())


class _Step:
    """A step, held against the template node by node: the same function of what stands for the same values."""

    def __init__(self, program: Graph, loop: Loop, step: int) -> None:
        self.program, self.loop, self.step = program, loop, step
        self.own = set(loop.levels[loop.middle])
        self.before = loop.images[step - 1] if step else {}
        self.found = {loop.levels[loop.middle][0]: loop.rows[step]}
        self.free: dict[type, list[int]] = {}
        for m in loop.levels[step]:
            self.free.setdefault(type(program.nodes[m].op), []).append(m)

    def image(self) -> dict[int, int]:
        """For each node of the template the one that stands for it; some may be missing."""
        for n in self.loop.levels[self.loop.middle][1:]:
            node = self.program.nodes[n]
            choices = self.free.get(type(node.op), [])
            best = next((m for m in choices if self.fits(node, self.program.nodes[m])), None)
            if best is not None:
                self.found[n] = best
                choices.remove(best)
                self.begin(node, self.program.nodes[best])
            elif isinstance(node.op, Map) and self.changes_nothing(node):
                self.found[n] = self.given(node.args[0]) or 0
        return self.found

    def changes_nothing(self, node: GraphNode) -> bool:
        """Whether a map of the template keeps all codes that arrive in this step, which may leave it out."""
        given = self.given(node.args[0])
        return given is not None and isinstance(node.op, Map) and _keeps(node.op, self.program.nodes[given].type)

    def given(self, a: int) -> int | None:
        """What stands for a template's argument."""
        slot = self.loop.states.get(a)
        return self.found.get(a) if slot is None else self.before.get(slot)

    def fits(self, node: GraphNode, other: GraphNode) -> bool:
        """Whether a node is the template's on the same values."""
        if len(node.args) != len(other.args) or node.type.shape != other.type.shape:
            return False
        return all(map(self.same, node.args, other.args)) and _alike(node, other, self.program)

    def same(self, a: int, b: int) -> bool:
        """Whether `b` stands for the template's argument `a`; constants for states that the first step meets."""
        if a in self.own or (a in self.loop.states and self.step):
            return self.given(a) == b or self.twins(a, b)
        value = _constant(self.program, b)
        if a not in self.loop.states:
            held = _constant(self.program, a)
            return value is not None and held is not None and np.array_equal(value, held)
        known = self.loop.slots[self.loop.states[a]]
        if value is None or value.shape != self.program.nodes[a].type.shape:
            return False
        return not known.size or np.array_equal(known, value)

    def twins(self, a: int, b: int) -> bool:
        """Whether `b` computes what stands for the template's argument `a`, beside it."""
        known = self.given(a)
        if known is None or self.program.nodes[known].args != self.program.nodes[b].args:
            return False
        node, other = self.program.nodes[known], self.program.nodes[b]
        if not node.args or type(node.op) is not type(other.op) or not _alike(node, other, self.program):
            return False
        slot = self.loop.states.get(a)
        self.loop.beside[b] = (self.step, a) if slot is None else (self.step - 1, slot)
        return True

    def begin(self, node: GraphNode, other: GraphNode) -> None:
        """Keep the codes that states begin with."""
        for a, b in zip(node.args, other.args, strict=True):
            value = _constant(self.program, b) if not self.step and a in self.loop.states else None
            if value is not None:
                self.loop.slots[self.loop.states[a]] = value


def _constant(program: Graph, position: int) -> IntArray | None:
    """The codes of a node that depends on no input."""
    node = program.nodes[position]
    if isinstance(node.op, Input):
        return None
    args: list[IntArray] = []
    for a in node.args:
        value = _constant(program, a)
        if value is None:
            return None
        args.append(value[None])
    return evaluate(node.op, args)[0]


def _alike(node: GraphNode, other: GraphNode, program: Graph) -> bool:
    """Whether two nodes of one kind are one function of the values that arrive at the second."""
    given = program.nodes[other.args[0]].type if other.args else other.type
    return node.op == other.op or _equal_maps(node.op, other.op, given) or _equal_sums(node.op, other.op, given)


def _equal_sums(a: GraphOp, b: GraphOp, given: TensorType) -> bool:
    """Whether two dense layers are one, where inputs of the second that never change may count in its bias."""
    if (
        not isinstance(a, Dense)
        or not isinstance(b, Dense)
        or len(given.shape) != 1
        or a.weights.shape != b.weights.shape
    ):
        return False
    low, high = given.bounds()
    fixed = low == high
    if (a.weights.array[~fixed] != b.weights.array[~fixed]).any():
        return False
    still = [op.bias.array + low[fixed] @ op.weights.array[fixed] for op in (a, b)]
    return bool((still[0] == still[1]).all())


def _equal_maps(a: GraphOp, b: GraphOp, given: TensorType) -> bool:
    """Whether two maps are one function on all codes that arrive at the second."""
    if not isinstance(a, Map) or not isinstance(b, Map):
        return False
    return all(np.array_equal(x, y) for x, y in zip(_values(a, given), _values(b, given), strict=True))


def _keeps(op: Map, given: TensorType) -> bool:
    """Whether a map changes none of the codes that arrive."""
    low = given.bounds()[0].ravel()
    return all(np.array_equal(low[e] + np.arange(values.size), values) for e, values in enumerate(_values(op, given)))


def _values(op: Map, given: TensorType) -> Iterator[IntArray]:
    """For each element of a tensor what the map makes of the codes from its least to its greatest."""
    low, high = (end.ravel() for end in given.bounds())
    rows = np.broadcast_to(op.rows.array, given.shape).ravel()
    known: dict[tuple[int, int, int], IntArray] = {}
    for key in zip(rows.tolist(), low.tolist(), high.tolist(), strict=True):
        if key not in known:
            count = min(key[2] - key[1] + 1, _MOST_CODES)
            known[key] = op.form(key[1] + np.arange(count), np.array(key[0]))
        yield known[key]


def _read_from_outside(program: Graph, loop: Loop) -> bool:
    """Whether only whole sequences of results, or last results, are read by others; and which."""
    inner = {m: (step, n) for step, image in enumerate(loop.images) for n, m in reversed(image.items())}
    stateless = _stateless(program, loop)
    readers = program.consumers()
    inner |= loop.beside
    for m, (step, n) in inner.items():
        outside = [r for r in readers[m] if r not in inner]
        for reader in outside:
            whole = _sequence(program, loop, reader, n)
            if whole is not None:
                loop.sequences[reader] = n, whole
            elif step == len(loop.rows) - 1 and n not in stateless and n not in loop.lasts:
                loop.lasts.append(n)
            elif step < len(loop.rows) - 1 and n not in stateless:
                return False
        if m in program.outputs and n not in stateless:
            if step < len(loop.rows) - 1:
                return False
            loop.lasts += [n] if n not in loop.lasts else []
    return bool(loop.sequences or loop.lasts)


def _stateless(program: Graph, loop: Loop) -> set[int]:
    """Template's nodes that depend on the row alone."""
    found: set[int] = set()
    template = loop.levels[loop.middle]
    own = set(template)
    for n in template:
        still = (a in found or (a not in own and a not in loop.states) for a in program.nodes[n].args)
        if n == template[0] or all(still):
            found.add(n)
    return found


def _sequence(program: Graph, loop: Loop, reader: int, n: int) -> bool | None:
    """Whether `reader` puts all results of `n` side by side: in the order of the steps, or (False) the other way."""
    node = program.nodes[reader]
    if not isinstance(node.op, Concat) or node.op.axis != 0 or program.nodes[n].type.shape[0] != 1:
        return None
    steps = [image.get(n, -1) for image in loop.images]
    if list(node.args) == steps:
        return True
    return False if list(node.args) == steps[::-1] else None


def _is_whole(program: Graph, loop: Loop) -> bool:
    """Whether every step has all that results and states need, the last one what results do."""
    wanted = {n for n, _ in loop.sequences.values()} | set(loop.lasts)
    needed, at_last = needed_nodes(program, loop), _closure(program, loop, wanted)
    if any(a not in loop.levels[loop.middle] and a not in loop.states and _constant(program, a) is None
           for n in needed for a in program.nodes[n].args if n != loop.levels[loop.middle][0]):  # fmt: skip
        return False
    last = len(loop.images) - 1
    whole = all(n in image for step, image in enumerate(loop.images) for n in (at_last if step == last else needed))
    return whole and all(_one_step(program, loop, n) for n in wanted | set(loop.slots))


def _closure(program: Graph, loop: Loop, wanted: set[int]) -> set[int]:
    """The template's nodes that `wanted` ones need."""
    own, found = set(loop.levels[loop.middle]), set[int]()
    waiting = list(wanted)
    while waiting:
        n = waiting.pop()
        if n in own and n not in found:
            found.add(n)
            waiting += program.nodes[n].args
    return found


def needed_nodes(program: Graph, loop: Loop) -> set[int]:
    """The template's nodes that results or states need."""
    wanted = {n for n, _ in loop.sequences.values()} | set(loop.lasts) | set(loop.slots)
    return _closure(program, loop, wanted)


def _one_step(program: Graph, loop: Loop, n: int) -> bool:
    """Whether all images of `n` have one step."""
    told = program.nodes[n].type.step
    return all(program.nodes[image[n]].type.step == told for image in loop.images[1:] if n in image)
