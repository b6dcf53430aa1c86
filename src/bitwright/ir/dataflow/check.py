"""What every dataflow program must satisfy."""

from __future__ import annotations

from bitwright.core.errors import InvalidProgram, InvalidValue
from bitwright.core.rules import Rules
from bitwright.ir.dataflow.dataflow import Dataflow
from bitwright.ir.dataflow.execute import Execute, check_execute
from bitwright.ir.dataflow.infer import bare, infer, stored_range, tail_of
from bitwright.ir.dataflow.ops import Accumulate, Actor, Apply, Inner, Interleave, MatVec, Rearrange, Search, Source
from bitwright.ir.dataflow.recur import inner_netlists
from bitwright.ir.dataflow.run import phases_of
from bitwright.ir.dataflow.search import check_search
from bitwright.ir.dataflow.types import Stream
from bitwright.ir.dataflow.walk import released
from bitwright.ir.netlist import Netlist, Word
from bitwright.ir.netlist import check as check_netlist
from bitwright.ir.program import Node
from bitwright.numeric import IntArray

__all__ = ["check"]

_takes: Rules[[int], bool] = Rules("number of arguments of an actor")


def check(program: Dataflow) -> Dataflow:
    """`program` itself, or `InvalidProgram` naming the actor.

    Names are unique, arguments come first, words fit into lanes and netlists, ranges hold what arrives, and the
    channels, where there are any, are those of the edges.
    """
    seen: set[str] = set()
    for position, node in enumerate(program.nodes):
        where = f"{program.name}.{node.name}"
        if node.name in seen or any(not 0 <= a < position for a in node.args):
            raise InvalidProgram("its name is taken or an argument comes later", where=where)
        seen.add(node.name)
        if not _takes(node.op, len(node.args)):
            raise InvalidProgram(f"{len(node.args)} arguments", where=where)
        if not isinstance(node.op, Source):
            _check_actor(node, [program.nodes[a].type for a in node.args], where)
    if any(not 0 <= o < len(program.nodes) for o in program.outputs):
        raise InvalidProgram("an output names no actor", where=program.name)
    _check_channels(program)
    return program


def _check_channels(program: Dataflow) -> None:
    if not program.channels:
        return
    if [c.edge for c in program.channels] != program.edges():
        raise InvalidProgram("its channels are not those of its edges", where=program.name)
    for channel in program.channels:
        if channel.depth < 1:
            raise InvalidProgram(f"a channel of {channel.depth} words", where=f"{program.name}, {channel.edge}")


def _check_actor(node: Node[Actor, Stream], args: list[Stream], where: str) -> None:
    if isinstance(node.op, Execute):
        check_execute(node.op)
    if isinstance(node.op, Search):
        check_search(node.op, args[0], where)
    try:
        told = infer(node.op, args, shape=node.type.shape, lanes=node.type.lanes, step=node.type.step)
    except InvalidValue as error:
        raise InvalidProgram("its arguments do not fit", where=where, why=str(error)) from error
    except InvalidProgram as error:
        raise InvalidProgram(error.what, where=where, why=error.why, remedy=error.remedy) from error
    if told.lanes != node.type.lanes or not _holds(node.type.lane_words(), told.lane_words()):
        raise InvalidProgram("its values leave the stored range", where=where)
    if isinstance(node.op, Rearrange):
        released(node.op)
    _check_netlists(node.op, args, node.type, where)


def _holds(outer: list[Word], inner: list[Word]) -> bool:
    return all(a.low <= b.low and b.high <= a.high for a, b in zip(outer, inner, strict=True))


def _check_netlists(op: Actor, args: list[Stream], result: Stream, where: str) -> None:
    if isinstance(op, MatVec):
        _check_matrix(op, args[0], where)
    if isinstance(op, Accumulate):
        _check_ports(op.kernel, {"x": args[0].lane_words()}, where)
        if phases_of(op.kernel) > 1:
            raise InvalidProgram("a kernel with phases", where=where)
    for netlist, given in inner_netlists(op, args):
        _check_ports(netlist, given, where)
    tail = tail_of(op)
    if tail is None:
        return
    given: dict[str, list[Word]] = {"x": bare(op, args, result.lanes)[1]}
    if isinstance(op, MatVec) and op.constants is not None:
        given["c"] = _check_constants(op, op.constants.array, result, where)
    if isinstance(op, Apply):
        names = ("x",) if len(args) == 1 else ("a", "b")
        given = {name: a.lane_words() for name, a in zip(names, args, strict=True)}
        if len({a.words for a in args}) != 1:
            raise InvalidProgram("arguments with different numbers of words", where=where)
    _check_ports(tail, given, where)
    words = result.words
    if words % phases_of(tail):
        raise InvalidProgram(f"{words} words in {phases_of(tail)} phases", where=where)


def _check_matrix(op: MatVec, given: Stream, where: str) -> None:
    weights, span = op.weights.array, stored_range(op)
    if weights.min() < span.low or weights.max() > span.high:
        raise InvalidProgram(f"weights leave {span.low}..{span.high}", where=where)
    if op.stored is not None:
        _check_any_weights(op, given, where)
    if op.spilled and not 0 < op.spilled < op.units * given.lanes * span.width:
        raise InvalidProgram(f"{op.spilled} spilled bits of a word of weights", where=where)
    _check_ports(op.dot, {"x": given.lane_words(), "w": [span] * given.lanes}, where)
    if len(op.dot.outputs) != 1:
        raise InvalidProgram("a dot product of several words", where=where)
    if op.joint is not None:
        count = len(op.joint.outputs)
        _check_ports(op.joint, {"x": given.lane_words(), "w": [span] * given.lanes * count}, where)
        if op.units % max(count, 1):
            raise InvalidProgram(f"{op.units} units, {count} at once", where=where)


def _check_any_weights(op: MatVec, given: Stream, where: str) -> None:
    """The totals hold for all weights that may ever be stored."""
    if op.spilled:
        raise InvalidProgram("weights that can be written are in two memories", where=where)
    span, folds = stored_range(op), op.weights.shape[1] // given.lanes
    corners = [[x * w for x in (t.low, t.high) for w in (span.low, span.high)] for t in given.lane_words()]
    low, high = (folds * sum(map(end, corners)) for end in (min, max))
    if low < op.low or high > op.high:
        raise InvalidProgram(f"totals from {low} to {high} leave {op.low}..{op.high}", where=where)


def _check_constants(op: MatVec, constants: IntArray, result: Stream, where: str) -> list[Word]:
    """What the port `c` of a tail takes; a matrix has constants of its own only where its weights can be written."""
    if op.stored is None or constants.ndim != 2 or result.words % len(constants):
        raise InvalidProgram(f"constants of shape {constants.shape} for {result.words} words", where=where)
    ends = constants.min(axis=0).tolist(), constants.max(axis=0).tolist()
    return [Word(low, high) for low, high in zip(*ends, strict=True)]


def _check_ports(netlist: Netlist, given: dict[str, list[Word]], where: str) -> None:
    """The netlist has the ports `given` (and perhaps `phase`), of these words or wider."""
    check_netlist(netlist)
    names = [port.name for port in netlist.inputs]
    if set(names) - {"phase"} != set(given) or len(set(names)) != len(names):
        raise InvalidProgram(f"ports {', '.join(names)} instead of {', '.join(given)}", where=where)
    for port in netlist.inputs:
        types = [netlist.nodes[w].type for w in port.words]
        if port.name == "phase":
            if len(types) != 1 or types[0].low != 0:
                raise InvalidProgram("a phase is one number from 0 up", where=where)
        elif len(types) != len(given[port.name]) or not _holds(types, given[port.name]):
            raise InvalidProgram(f"port {port.name} does not hold what arrives", where=where)


@_takes.on(Actor)
def _(op: Actor, count: int) -> bool:
    return count == 1


@_takes.on(Source)
def _(op: Source, count: int) -> bool:
    return count == 0


@_takes.on(Inner)
def _(op: Inner, count: int) -> bool:
    return count == 2


@_takes.on(Apply)
def _(op: Apply, count: int) -> bool:
    return count in (1, 2)


@_takes.on(Interleave)
def _(op: Interleave, count: int) -> bool:
    return count == len(op.counts) > 0
