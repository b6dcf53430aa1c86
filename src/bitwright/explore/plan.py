"""`Plan`: how a network is folded for a device, what that takes and how fast it is; JSON in and out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from bitwright.core.errors import InvalidValue
from bitwright.cost.area import Area
from bitwright.explore.power import Power
from bitwright.passes.mix import ENGINE, Segment
from bitwright.passes.streaming import Folding, folding_of, foldings_to_json

__all__ = [
    "Binding",
    "LayerPlan",
    "Plan",
    "foldings_from_json",
    "foldings_to_json",
    "plan_from_record",
    "plan_record",
]


@dataclass(frozen=True, slots=True)
class LayerPlan:
    """One layer: its folding, the cycles of its slowest process a frame, its predicted area."""

    name: str
    folding: Folding
    cycles: int
    area: Area


@dataclass(frozen=True, slots=True)
class Binding:
    """What allows no better plan.

    layers: the slowest ones. shares: of each ceiling, what the plan takes. next_cycles: the next faster pace that
    foldings have, None where there is none; resource: of what there would be too little at that pace (empty: nothing,
    foldings end there), and `missing` times the ceiling at least.
    """

    layers: tuple[str, ...]
    shares: Mapping[str, float]
    next_cycles: int | None = None
    resource: str = ""
    missing: float = 0.0


@dataclass(frozen=True, slots=True)
class Plan:
    """A folding of every layer for a device and a clock.

    initiation_cycles: cycles from frame to frame, the slowest layer's; exact once channels are buffered. area:
    predicted, converters, one-word channels and `infrastructure` included. proved: no other choice of candidates
    is better (gap 0); gap otherwise. nodes: of the search tree, or the labels of a chain. method: "exact" or "greedy".
    power_w: an estimate, its parts and how uncertain it is are `power`'s. architecture: "dataflow", or "engine" and
    "mixed" where the layers of `segment` are those of an engine of `lanes`, which stands among the layers under the
    name "engine". family: of which version of the network, where several are explored; accuracy: of that version.
    """

    network: str
    device: str
    clock_mhz: float
    objective: str
    layers: tuple[LayerPlan, ...]
    initiation_cycles: int
    area: Area
    binding: Binding
    proved: bool
    gap: float
    nodes: int
    method: str = "exact"
    power_w: float = 0.0
    architecture: str = "dataflow"
    segment: Segment | None = None
    lanes: int = 0
    power: Power | None = None
    family: str = ""
    accuracy: float | None = None

    @property
    def fps(self) -> float:
        """Frames a second."""
        return self.clock_mhz * 1e6 / self.initiation_cycles

    @property
    def foldings(self) -> dict[str, Folding]:
        """Foldings by layer, as `passes.streaming.Place` takes them."""
        own = self.segment is not None
        return {layer.name: layer.folding for layer in self.layers if not (own and layer.name == ENGINE)}

    def to_json(self) -> str:
        """The foldings as JSON, see `foldings_to_json`."""
        return foldings_to_json(self.foldings)


def plan_record(plan: Plan) -> dict[str, Any]:
    """A plan as plain data, of which `plan_from_record` makes an equal one, without the parts of its power."""
    return {
        "network": plan.network, "device": plan.device, "clock_mhz": plan.clock_mhz, "objective": plan.objective,
        "layers": [
            {"name": n.name, "cycles": n.cycles, "area": asdict(n.area), "folding": _folded(n)} for n in plan.layers
        ],
        "initiation_cycles": plan.initiation_cycles, "area": asdict(plan.area), "binding": asdict(plan.binding),
        "proved": plan.proved, "gap": plan.gap, "nodes": plan.nodes, "method": plan.method, "power_w": plan.power_w,
        "architecture": plan.architecture, "segment": None if plan.segment is None else asdict(plan.segment),
        "lanes": plan.lanes,
    }  # fmt: skip


def _folded(layer: LayerPlan) -> dict[str, Any]:
    return json.loads(foldings_to_json({layer.name: layer.folding}))[layer.name]


def plan_from_record(record: Mapping[str, Any]) -> Plan:
    """The plan of `plan_record`."""
    told: dict[str, Any] = dict(record)
    layers = tuple(
        LayerPlan(n["name"], folding_of(n["name"], n["folding"], Folding()), n["cycles"], Area(**n["area"]))
        for n in told.pop("layers")
    )
    binding = told.pop("binding")
    segment = told.pop("segment")
    return Plan(
        area=Area(**told.pop("area")), **told, layers=layers,
        binding=Binding(**binding | {"layers": tuple(binding["layers"])}),
        segment=None if segment is None else Segment(**segment),
    )  # fmt: skip


def foldings_from_json(text: str) -> dict[str, Folding]:
    """Foldings from JSON; FINN's `ram_style` is taken, "Defaults" is left out, unknown keys are errors."""
    try:
        told = json.loads(text)
    except ValueError as error:
        raise InvalidValue("no JSON", where="foldings", why=str(error), remedy="see Plan.to_json") from error
    if not isinstance(told, dict):
        raise InvalidValue("no JSON object", where="foldings", remedy='{"layer": {"SIMD": 4, "PE": 2}}')
    entries: dict[str, Any] = told  # pyright: ignore[reportUnknownVariableType]
    return {name: folding_of(name, entry, Folding()) for name, entry in entries.items() if name != "Defaults"}
