"""A netlist's predicted area and timing on a device, whole and by layer."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from bitwright.cost.area import Area
from bitwright.cost.neighbors import area_of
from bitwright.cost.timing import timing_of
from bitwright.ir.netlist import Netlist, latency_cycles
from bitwright.platforms import Device

__all__ = ["Prediction", "critical_ns", "predict"]


@dataclass(frozen=True)
class Prediction:
    """Predicted area and timing; `by_layer` keeps the order of the netlist.

    `fmax_mhz` follows from the delay model of the fabric and is a model, not a measurement.
    """

    luts: int
    ffs: int
    carries: int
    dsps: int
    brams: int
    latency_cycles: int
    initiation_cycles: int
    fmax_mhz: float
    by_layer: dict[str, Area]

    @property
    def latency_ns(self) -> float:
        """From an input to its outputs at the predicted clock."""
        return self.latency_cycles * 1000.0 / self.fmax_mhz


def predict(program: Netlist, device: Device) -> Prediction:
    """Area and timing of a fully parallel netlist (initiation 1) on `device`."""
    layers: dict[str, Area] = defaultdict(Area)
    for node, found in zip(program.nodes, area_of(program, device.fabric), strict=True):
        layers[node.origin.layer] += found
    total = Area.total(layers.values())
    return Prediction(
        luts=round(total.luts),
        ffs=round(total.ffs),
        carries=round(total.carries),
        dsps=round(total.dsps),
        brams=0,
        latency_cycles=latency_cycles(program),
        initiation_cycles=1,
        fmax_mhz=1000.0 / critical_ns(program, device),
        by_layer={name: a for name, a in layers.items() if a != Area()},
    )


def critical_ns(program: Netlist, device: Device) -> float:
    """The longest modelled path between registers, clock-to-output and set-up included."""
    return timing_of(program, device.fabric).worst() / 1e6 + device.fabric.register_ns
