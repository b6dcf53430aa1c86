"""What every engine program must satisfy."""

from __future__ import annotations

import numpy as np

from bitwright.core.errors import InvalidProgram
from bitwright.ir.engine.engine import Engine
from bitwright.ir.engine.ops import Bring, Fetch, Matrix, Send, Store, Vector
from bitwright.ir.engine.run import reads, weight_words
from bitwright.ir.engine.types import Place, Region
from bitwright.numeric import IntArray

__all__ = ["check"]


def check(program: Engine) -> Engine:
    """`program` itself, or `InvalidProgram` naming the instruction.

    Regions lie in their memories and keep to the words' ranges, no instruction writes over what is still read, reads
    stay inside the arguments, constants are there and in their ranges, and weights have been fetched where they are
    read, the same in every frame.
    """
    last = [max(readers, default=position) for position, readers in enumerate(program.consumers())]
    for position, node in enumerate(program.nodes):
        where = f"{program.name}.{node.name}"
        if any(not 0 <= a < position for a in node.args):
            raise InvalidProgram("an argument comes later", where=where)
        args = [program.nodes[a].type for a in node.args]
        _check_region(program, node.type, where)
        if isinstance(node.op, Matrix | Vector):
            _check_walk(program, node.op, args, node.type, where)
        elif bool(args) != isinstance(node.op, Store | Send):
            raise InvalidProgram(f"{len(args)} arguments", where=where)
        if isinstance(node.op, Store | Fetch | Send):
            continue
        for earlier in range(position):
            other = program.nodes[earlier]
            alive = last[earlier] >= position and not isinstance(other.op, Store | Send)
            if alive and node.type.meets(other.type):
                raise InvalidProgram(f"it writes over {other.name}, which is still read", where=where)
    _check_constants(program)
    if program.machine.external:
        _check_fetched(program)
        _check_brought(program)
    elif program.again or any(isinstance(node.op, Fetch | Send | Bring) for node in program.nodes):
        raise InvalidProgram("it fetches, and there is no external memory", where=program.name)
    return program


def _check_region(program: Engine, region: Region, where: str) -> None:
    machine = program.machine
    words, kept = {
        Place.FEATURES: (machine.features, machine.feature), Place.RESULTS: (machine.results, machine.result),
        Place.WEIGHTS: (machine.buffered, machine.weight),
    }[region.place]  # fmt: skip
    if region.end > words or region.lanes > machine.lanes:
        raise InvalidProgram(f"words {region.address} to {region.end} of {words}", where=where)
    if region.range.low < kept.low or region.range.high > kept.high:
        raise InvalidProgram(f"codes {region.range} in words of {kept}", where=where)


def _check_walk(program: Engine, op: Matrix | Vector, args: list[Region], region: Region, where: str) -> None:
    walk = op.walk
    if walk.steps != region.words * walk.gathered:
        raise InvalidProgram(f"{walk.steps} steps for {region.words} words", where=where)
    found = reads(op)
    if not args or any(a.place is not Place.FEATURES for a in args) or found is None:
        raise InvalidProgram("it reads no region of feature memory", where=where)
    if found[0] < min(a.address for a in args) or found[1] >= max(a.end for a in args):
        raise InvalidProgram(f"it reads addresses {found}, outside its arguments", where=where)
    used = region.words if op.each else walk.loops[2].extent
    if op.stepped and not program.machine.steps:
        raise InvalidProgram("the machine has no thresholds", where=where)
    if op.parameters + used > program.parameters.shape[0]:
        raise InvalidProgram("parameters are missing", where=where)
    if isinstance(op, Matrix):
        there = program.machine.buffered if program.machine.external else program.weights.shape[0]
        if op.weights + weight_words(op) > there:
            raise InvalidProgram("weights are missing", where=where)


def _check_fetched(program: Engine) -> None:
    """Runs two frames: which word of external memory each place holds when it is read."""
    if not 0 <= program.again < len(program):
        raise InvalidProgram(f"it begins again with instruction {program.again}", where=program.name)
    held = np.full(program.machine.buffered, -1)
    seen: dict[str, IntArray] = {}
    for node in (*program.nodes, *program.nodes[program.again :]):
        where = f"{program.name}.{node.name}"
        if isinstance(node.op, Fetch):
            if node.op.first + node.type.words > program.weights.shape[0]:
                raise InvalidProgram("it fetches what is not there", where=where)
            held[node.type.address : node.type.end] = node.op.first + np.arange(node.type.words)
        elif isinstance(node.op, Matrix):
            found = held[node.op.weights : node.op.weights + weight_words(node.op)].copy()
            if (found < 0).any() or not np.array_equal(seen.setdefault(node.name, found), found):
                raise InvalidProgram("its weights are not fetched, or others in the next frame", where=where)


def _check_brought(program: Engine) -> None:
    """What comes back was sent in the same frame, row by row, and nothing has been sent over it since."""
    sent: dict[int, tuple[int, int]] = {}
    for node in program.nodes:
        if not isinstance(node.op, Send | Bring):
            continue
        rows, beats, bursts = program.machine.runs(node.type)
        for first in range(node.op.burst, node.op.burst + rows * bursts, bursts):
            if isinstance(node.op, Bring):
                if sent.get(first) != (beats, bursts):
                    raise InvalidProgram(f"nobody has sent burst {first}", where=f"{program.name}.{node.name}")
                continue
            over = [at for at, (_, count) in sent.items() if at < first + bursts and first < at + count]
            for at in over:
                del sent[at]
            sent[first] = beats, bursts


def _check_constants(program: Engine) -> None:
    machine, parameters = program.machine, program.parameters.array
    parts = {"weights": (program.weights.array, machine.weight), "mul": (parameters[..., 0], machine.mul)}
    parts |= {"add": (parameters[..., 1], machine.add), "low": (parameters[..., 2], machine.result)}
    parts["high"] = (parameters[..., 3], machine.result)
    if machine.threshold:
        parts["thresholds"] = (parameters[..., 4:], machine.threshold)
    for name, (numbers, kept) in parts.items():
        if numbers.min() < kept.low or numbers.max() > kept.high:
            raise InvalidProgram(f"{name} beyond {kept}", where=program.name)
