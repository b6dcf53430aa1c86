"""`explore`: the best folding of a network on a device, or the front over devices and clocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bitwright.core.errors import ConfigError
from bitwright.platforms import device

if TYPE_CHECKING:
    from bitwright.explore import Plan
    from bitwright.ir.graph import Graph

__all__ = ["explore", "explore_front", "plan_table", "stream_graph", "write_plan"]


def explore(
    model: Any, devices: str | Sequence[str] = "xcvu9p", *, clock_mhz: float | None = None,
    target_fps: float | None = None, objective: str | None = None, budget: Mapping[str, float] | None = None,
    **options: Any,
) -> Plan:  # fmt: skip
    """The best streaming design of `model` (a Keras model, a path, or a graph) on the best of `devices`, proved.

    With `target_fps` the least area that keeps the pace ("min_energy": the least energy), without it the highest pace
    that fits. budget: ceilings in luts, ffs, bram18s, dsps, urams instead of the device's. options: of `compile`
    (formats and the like). The plan's foldings go to `compile(folding=...)` by way of `plan.to_json()`, or `compile`
    with a `target_fps` explores by itself. Raises `Unsupported` where nothing fits, and says what is missing.
    """
    from bitwright.explore import explore_graph

    told = [device(name) for name in ([devices] if isinstance(devices, str) else devices)]
    graph = stream_graph(model, options)
    return explore_graph(
        graph, told, clock_mhz=clock_mhz, target_fps=target_fps, objective=objective, budget=budget
    )  # fmt: skip


def explore_front(
    model: Any, devices: str | Sequence[str], clocks_mhz: Sequence[float] = (), *, points: int = 6,
    budget: Mapping[str, float] | None = None, **options: Any,
) -> tuple[Plan, ...]:  # fmt: skip
    """Plans that no other is faster and smaller than, over devices, clocks and paces, the fastest first."""
    from bitwright.explore import pareto

    told = [device(name) for name in ([devices] if isinstance(devices, str) else devices)]
    return pareto(stream_graph(model, options), told, tuple(clocks_mhz), points=points, budget=budget)


def stream_graph(model: Any, options: Mapping[str, Any]) -> Graph:
    """The graph as streams lay it out; raises `ConfigError` where there is none. options: of `compile`."""
    from bitwright.flow.compiling import compile_model
    from bitwright.flow.options import Options
    from bitwright.flow.streamed import StreamDesign
    from bitwright.ir.graph import Graph

    if isinstance(model, Graph):
        return model
    told: dict[str, Any] = {**options, "architecture": "dataflow"}
    design = compile_model(model, Options.of(told))
    if not isinstance(design, StreamDesign):
        raise ConfigError("no streaming design", where=str(design.name))
    return design.streamed


def plan_table(plan: Plan) -> str:
    """A plan as text: a line a layer, what it takes as a whole, and what binds."""
    lines = [f"{'layer':<20} {'SIMD':>5} {'PE':>5} {'kernel':<9} {'weights':<8} {'cycles':>9} {'LUT':>8} {'BRAM18':>7}"]
    for layer in plan.layers:
        f = layer.folding
        lines.append(
            f"{layer.name:<20} {f.lanes:>5} {f.units:>5} {f.kernel.value:<9} {f.weights.value:<8} {layer.cycles:>9}"
            f" {layer.area.luts:>8.0f} {layer.area.bram18s:>7.0f}"
        )
    area, binding = plan.area, plan.binding
    proof = "proved the best" if plan.proved else f"within {plan.gap:.1%} of the best"
    lines.append(
        f"{plan.device} at {plan.clock_mhz:g} MHz: {plan.fps:.0f} frames/s (a frame every {plan.initiation_cycles}"
        f" cycles), {area.luts:.0f} LUT, {area.ffs:.0f} FF, {area.bram18s:.0f} BRAM18, {area.dsps:.0f} DSP; {proof}"
    )
    slowest = f"slowest: {', '.join(binding.layers)}"
    if binding.resource:
        slowest += f"; {binding.next_cycles} cycles take {binding.missing:.2f} times the {binding.resource} there are"
    return "\n".join([*lines, slowest])


def write_plan(plan: Plan, path: Path) -> Path:
    """The plan's foldings as JSON, in one piece."""
    from bitwright.core.files import write_atomic

    return write_atomic(path, plan.to_json())
