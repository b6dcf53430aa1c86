"""The machine that a list of drafts needs: ranges of its words, its netlists, sizes of its memories."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bitwright.core.errors import Unsupported
from bitwright.ir.engine import Machine
from bitwright.ir.netlist import Netlist, NetlistBuilder, Port, Word, latency_cycles
from bitwright.numeric import IntArray, Rounding, Steps
from bitwright.passes.engine.draft import Draft, united
from bitwright.passes.merge import Merge
from bitwright.passes.retime import Retime
from bitwright.passes.streaming.dots import dot
from bitwright.passes.words import rounded
from bitwright.platforms import Device, Fabric

__all__ = ["machine_for", "post_of"]

_WIDEST = 60


def machine_for(
    drafts: Sequence[Draft], weights: IntArray, parameters: IntArray, shift: int, features: int, device: Device,
    clock_mhz: float | None, lanes: int,
) -> Machine:  # fmt: skip
    """The machine with just the words that these instructions and constants need."""
    feature = united(*(d.kept for d in drafts if not d.stored))
    weight, mul, add = (_held(a) for a in (weights, parameters[..., 0], parameters[..., 1]))
    total = united(*(d.total for d in drafts), feature)
    result = united(*(d.kept for d in drafts), _held(parameters[..., 2:]))
    even = any(d.half_even for d in drafts) and shift > 0
    if total.width + mul.width > _WIDEST or add.width > _WIDEST:
        wide = max((d for d in drafts if d.post), key=lambda d: max(abs(a.mul) << shift - a.shift for a in d.post))
        raise Unsupported(
            f"totals of {total.width} bits times factors of {mul.width}", where=f"layer '{wide.origin.layer}'",
            why=f"all instructions share one shift, here {shift}", remedy="use power-of-two scales, or fewer bits",
        )  # fmt: skip

    def pipelined(netlist: Netlist) -> Netlist:
        if clock_mhz is None:
            return netlist
        made = Retime(device, clock_mhz)(netlist)
        return made if latency_cycles(made) else netlist

    post = post_of(total, mul, add, result, shift, even, device.fabric)
    products = dot((feature,) * lanes, weight, device.fabric)
    results = sum(d.words for d in drafts if d.stored)
    return Machine(
        lanes, feature, weight, total, mul, add, result, shift, max(features, 2), max(results, 2),
        pipelined(products), pipelined(post),
    )  # fmt: skip


def _held(numbers: IntArray) -> Word:
    return united(Word(int(np.min(numbers)), int(np.max(numbers))))


def post_of(total: Word, mul: Word, add: Word, result: Word, shift: int, even: bool, fabric: Fabric) -> Netlist:
    """The last step: y = clip(round((mul * total + add) / 2**shift), low, high), with `even` rounding half to even."""
    builder = NetlistBuilder()
    given = {"total": total, "mul": mul, "add": add, "low": result, "high": result}
    if even:
        given["even"] = Word(0, 1)
    ports = {name: builder.input_port(name, (), [word], Steps.of(1)) for name, word in given.items()}
    words = {name: port.words[0] for name, port in ports.items()}
    value = builder.add(builder.multiply(words["total"], words["mul"]), words["add"])
    y = builder.shift(value, -shift)
    if even:
        y = builder.mux(words["even"], rounded(builder, value, shift, Rounding.HALF_EVEN), y)
    y = builder.mux(builder.at_least(y, words["low"]), y, words["low"])
    y = builder.mux(builder.at_least(y, words["high"]), words["high"], y)
    y = builder.narrow(y, result.low, result.high)
    return Merge(fabric)(builder.finish("post", list(ports.values()), [Port("y", (), (y,), Steps.of(1))]))
