"""The machine that a list of drafts needs: ranges of its words, its netlists, sizes of its memories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bitwright.core.errors import Unsupported
from bitwright.ir.engine import Machine
from bitwright.ir.netlist import Netlist, NetlistBuilder, Port, Word, latency_cycles
from bitwright.numeric import IntArray, Rounding, Steps
from bitwright.passes.engine.draft import Draft, united
from bitwright.passes.merge import Merge
from bitwright.passes.retime import Retime
from bitwright.passes.streaming.dots import dot, signs, summed
from bitwright.passes.words import rounded
from bitwright.platforms import Device, Fabric

__all__ = ["Needs", "feature_of", "machine_for", "only_signs", "post_of"]

_WIDEST = 60


@dataclass(frozen=True)
class Needs:
    """Constants as they are laid out, the common shift, thresholds of a channel, words of feature memory."""

    lanes: int
    weights: IntArray
    parameters: IntArray
    shift: int
    steps: int
    features: int


def machine_for(drafts: Sequence[Draft], needs: Needs, device: Device, clock_mhz: float | None) -> Machine:
    """The machine with just the words that these instructions and constants need."""
    shift, parameters, lanes = needs.shift, needs.parameters, needs.lanes
    feature, sign = feature_of(drafts), only_signs(drafts)
    weight, mul, add = (_held(a) for a in (needs.weights, parameters[..., 0], parameters[..., 1]))
    weight = Word(0, 1) if sign else weight
    total = united(*(d.total for d in drafts), feature)
    result = united(*(d.kept for d in drafts), _held(parameters[..., 2:4]))
    steps = united(_held(parameters[..., 4:]), Word(0, needs.steps)) if needs.steps else None
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

    ranges = {"total": total, "mul": mul, "add": add, "low": result, "high": result}
    post = post_of(ranges, shift, even, (steps,) * needs.steps if steps else (), device.fabric)
    words = (feature,) * lanes
    products = signs(words, device.fabric) if sign else dot(words, weight, device.fabric)
    results = sum(d.words for d in drafts if d.stored)
    return Machine(
        lanes, feature, weight, total, mul, add, result, shift, max(needs.features, 2), max(results, 2),
        pipelined(products), pipelined(post), needs.steps, steps, signs=sign,
    )  # fmt: skip


def only_signs(drafts: Sequence[Draft]) -> bool:
    """Whether all weights are -1 or 1, but for lanes that no channel fills: then one bit stores them."""
    weighted = [d for d in drafts if d.weights is not None or d.pieces]
    return bool(weighted) and all(d.signs and not d.pieces for d in weighted)


def feature_of(drafts: Sequence[Draft]) -> Word:
    """The range of an element of feature memory."""
    return united(*(d.kept for d in drafts if not d.stored))


def _held(numbers: IntArray) -> Word:
    return united(Word(int(np.min(numbers)), int(np.max(numbers))))


def post_of(
    ranges: Mapping[str, Word], shift: int, even: bool, steps: Sequence[Word], fabric: Fabric
) -> Netlist:  # fmt: skip
    """The last step: y = clip(round((mul * total + add) / 2**shift), low, high), with `even` rounding half to even.

    ranges: of total, mul, add, low and high. steps: of thresholds; with `stepped` those that the total reaches are
    counted, and the count takes its place.
    """
    builder = NetlistBuilder()
    given = {**ranges, **({"even": Word(0, 1)} if even else {}), **({"stepped": Word(0, 1)} if steps else {})}
    ports = {name: builder.input_port(name, (), [word], Steps.of(1)) for name, word in given.items()}
    words, result = {name: port.words[0] for name, port in ports.items()}, ranges["high"]
    if steps:
        ports["thresholds"] = builder.input_port("thresholds", (len(steps),), steps, Steps.of(1))
        reached = [builder.at_least(words["total"], step) for step in ports["thresholds"].words]
        words["total"] = builder.mux(words["stepped"], summed(builder, reached, fabric), words["total"])
    value = builder.add(builder.multiply(words["total"], words["mul"]), words["add"])
    y = builder.shift(value, -shift)
    if even:
        y = builder.mux(words["even"], rounded(builder, value, shift, Rounding.HALF_EVEN), y)
    y = builder.mux(builder.at_least(y, words["low"]), y, words["low"])
    y = builder.mux(builder.at_least(y, words["high"]), words["high"], y)
    y = builder.narrow(y, result.low, result.high)
    return Merge(fabric)(builder.finish("post", list(ports.values()), [Port("y", (), (y,), Steps.of(1))]))
