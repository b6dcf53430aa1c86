"""Designs whose numbers can be written while they run: what is declared, and the same design with other numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from bitwright.backends.verilog.stream import WritableMemory, control_map, rows_of
from bitwright.core.errors import BitwrightError, ConfigError, InvalidProgram, Unsupported
from bitwright.ir.dataflow import Dataflow
from bitwright.ir.dataflow.ops import MatVec, Memory
from bitwright.ir.graph import Graph, GraphBuilder
from bitwright.ir.graph.ops import Constant, Conv, Dense, Map
from bitwright.ir.graph.writable import with_numbers
from bitwright.ir.program import Node
from bitwright.numeric import IntArray
from bitwright.passes.streaming import Folding, Place

if TYPE_CHECKING:
    from bitwright.flow.streamed import StreamDesign

__all__ = ["Declarations", "declarations", "memory_words", "needs_words", "refuse_unknown", "reloaded", "same_map",
           "with_graph"]  # fmt: skip

Declarations = dict[str, tuple[int | None, int | None]]
"""Layers by name ("*": every one) with the bits of their weights and biases; None: what the trained ones need."""

_BITS = re.compile(r"s?(\d+)(\.\d+)?")


def declarations(told: Any) -> Declarations:
    """What the option says: True, names (or "name=bits"), or {name: bits, "s6", or {"weights": bits, "bias": bits}}."""
    if told is None or told is False:
        return {}
    if told is True:
        return {"*": (None, None)}
    if isinstance(told, Mapping):
        return {str(name): _declared(name, value) for name, value in told.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    pairs = [str(entry).partition("=") for entry in told]
    return {"*" if name == "all" else name: _declared(name, bits or None) for name, _, bits in pairs}


def _declared(layer: Any, told: Any) -> tuple[int | None, int | None]:
    parts = told if isinstance(told, Mapping) else {"weights": told}
    if set(parts) - {"weights", "bias"}:  # pyright: ignore[reportUnknownArgumentType]
        raise ConfigError(f"{sorted(parts)} of layer {layer!r}", where="option writable", remedy="weights and bias")  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    weights, bias = (_bits(layer, parts.get(key)) for key in ("weights", "bias"))  # pyright: ignore[reportUnknownMemberType]
    return weights, bias


def _bits(layer: Any, told: Any) -> int | None:
    if told is None or told is True:
        return None
    found = _BITS.fullmatch(str(told))
    if found is None or not 1 <= int(found[1]) <= 32:
        raise ConfigError(
            f"{told!r} for layer {layer!r} is no signed format", where="option writable", remedy="write 6 or 's6'"
        )
    return int(found[1])


def refuse_unknown(told: Declarations, graph: Graph) -> None:
    """Raise `ConfigError` for a layer that the graph does not have, or has no weights that could be written."""
    known = {n.origin.layer or n.name for n in graph.nodes if getattr(n.op, "writable", None) is not None}
    for name in told:
        if name != "*" and name not in known:
            layers = {n.origin.layer for n in graph.nodes if isinstance(n.op, Dense | Conv)}
            near = get_close_matches(name, layers, 1) or [", ".join(sorted(layers))]
            raise ConfigError(
                f"{name!r} has no weights that can be written", where="option writable",
                remedy=f"did you mean {near[0]}?",
            )  # fmt: skip


def reloaded(
    design: StreamDesign, weights: Mapping[str, IntArray], biases: Mapping[str, IntArray]
) -> tuple[Graph, Graph]:
    """The design's source and built graph with other weights and biases, by layer or node name."""
    sources = _renumbered(design.source, weights, biases)
    return sources, _renumbered(design.graph, weights, biases)


def _renumbered(graph: Graph, weights: Mapping[str, IntArray], biases: Mapping[str, IntArray]) -> Graph:
    missing, nodes = {*weights, *biases}, list(graph.nodes)
    for position, node in enumerate(nodes):
        if not isinstance(node.op, Dense | Conv):
            continue
        for name in {node.name, node.origin.layer} & {*weights, *biases}:
            try:
                op = with_numbers(node.op, weights.get(name), biases.get(name))
            except BitwrightError as error:
                raise type(error)(error.what, where=f"layer '{name}'", why=error.why, remedy=error.remedy) from error
            nodes[position] = replace(node, op=op)
            missing.discard(name)
    if missing:
        raise ConfigError(f"no layer {min(missing)!r} with weights", where=graph.name, remedy="see design.registers()")
    return replace(graph, nodes=tuple(nodes))


def with_graph(design: StreamDesign, streamed: Graph) -> Dataflow:
    """The design's program with the numbers of `streamed` in its memories.

    Raises `Unsupported` naming the layer where the two differ in anything that is no number in a memory.
    """
    before = design.streamed
    if len(before.nodes) != len(streamed.nodes):
        raise Unsupported("a network of other layers", where=design.name, remedy="build the design anew")
    ends, owners = _ends(before), list[int]()
    hidden = {owner for position, owner in ends.items() if position != owner}
    for position, (old, new) in enumerate(zip(before.nodes, streamed.nodes, strict=True)):
        if position not in hidden and new.type.step != old.type.step:
            raise _differs(old)
        if (old.op, old.args) == (new.op, new.args) and _within(new, old):
            continue
        owner = ends.get(position)
        if owner is None or old.args != new.args or not _within(new, old):
            raise _differs(old)
        owners.append(owner)
    nodes = list(design.program.nodes)
    for owner in dict.fromkeys(owners):
        place = next(i for i, node in enumerate(nodes) if node.name == before.nodes[owner].name)
        made = nodes[place].op
        assert isinstance(made, MatVec)
        nodes[place] = replace(nodes[place], op=_filled(design, streamed, owner, made))
    return replace(design.program, nodes=tuple(nodes))


def _ends(graph: Graph) -> dict[int, int]:
    """Nodes whose numbers are in memories: layers that can be written, and the maps that are their tails."""
    readers, found = graph.consumers(), dict[int, int]()
    for position, node in enumerate(graph.nodes):
        if not isinstance(node.op, Dense | Conv) or node.op.writable is None:
            continue
        found[position] = position
        if position not in graph.outputs and len(readers[position]) == 1:
            reader = readers[position][0]
            if isinstance(graph.nodes[reader].op, Map):
                found[reader] = position
    return found


def _within(new: Node[Any, Any], old: Node[Any, Any]) -> bool:
    """Whether what a node yields is in the range that the hardware was built for."""
    if isinstance(old.op, Dense | Conv) and old.op.writable is not None:
        return getattr(new.op, "writable", None) == old.op.writable and new.type.shape == old.type.shape
    low, high = old.type.bounds()
    least, most = new.type.bounds()
    return new.type.shape == old.type.shape and bool((least >= low).all() and (most <= high).all())


def _differs(node: Node[Any, Any]) -> Unsupported:
    return Unsupported(
        "a layer that was built into the logic differs", where=f"layer '{node.origin.layer or node.name}'",
        remedy="name it in `writable`, declare more bits, or build the design anew",
    )  # fmt: skip


def _filled(design: StreamDesign, graph: Graph, position: int, made: MatVec) -> MatVec:
    """`made` with the numbers of the layer at `position` of `graph`: the layer is placed alone."""
    known = _alone(design, design.streamed, position)
    if (known.weights, known.constants) != (made.weights, made.constants):
        raise InvalidProgram("a layer alone is not what it is in the network", where=design.name)
    found = _alone(design, graph, position)
    if replace(found, weights=known.weights, constants=known.constants) != known:
        raise _differs(graph.nodes[position])
    return replace(made, weights=found.weights, constants=found.constants)


def _alone(design: StreamDesign, graph: Graph, position: int) -> MatVec:
    """The matrix of the layer at `position`, placed without the rest of the network."""
    node, builder = graph.nodes[position], GraphBuilder()
    folding = design.foldings.get(node.name, Folding())
    (argument,) = graph.args_of(node)
    assert not isinstance(argument.op, Constant)
    given = builder.input(argument.type, "given")
    last = builder.apply(node.op, [given], step=node.type.step, name=node.name, origin=node.origin)
    told = {node.name: folding, "given": Folding(folding.lanes if argument.type.shape[-1] % folding.lanes == 0 else 1)}
    readers = graph.consumers()[position]
    if position not in graph.outputs and len(readers) == 1 and isinstance(graph.nodes[readers[0]].op, Map):
        behind = graph.nodes[readers[0]]
        last = builder.apply(behind.op, [last], step=behind.type.step, name=behind.name, origin=behind.origin)
    placed = Place(design.device, design.clock_mhz, told, design.share)(builder.graph("alone", [last]))
    return next(n.op for n in placed.nodes if isinstance(n.op, MatVec))


def memory_words(program: Dataflow) -> dict[str, list[int]]:
    """What every memory that can be written holds: words by the memory's name."""
    found: dict[str, list[int]] = {}
    for memory in control_map(program).memories:
        node = program.nodes[memory.position]
        assert isinstance(node.op, MatVec)
        found[memory.name] = memory.pack(rows_of(node.op, program.args_of(node)[0].type.lanes, memory.kind))
    return found


def needs_words(program: Dataflow, memory: WritableMemory) -> bool:
    """Whether a memory holds nothing before it is written: UltraRAM."""
    op = program.nodes[memory.position].op
    return memory.kind == "weights" and isinstance(op, MatVec) and op.memory is Memory.ULTRA


def same_map(designs: Sequence[StreamDesign]) -> None:
    """Raise where designs do not have the same memories at the same places."""
    maps = [control_map(design.program) for design in designs]
    if any(found != maps[0] for found in maps):
        raise Unsupported("memories at other places", where=designs[0].name, remedy="reload designs of one build")


