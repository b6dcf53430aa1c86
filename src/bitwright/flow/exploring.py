"""`explore`: the best folding of a network on a device, or the front over devices and clocks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bitwright.core.errors import ConfigError, Unsupported
from bitwright.platforms import device

if TYPE_CHECKING:
    from bitwright.explore import Architectures, Plan
    from bitwright.flow.variants import Variants
    from bitwright.ir.graph import Graph
    from bitwright.platforms import Device

__all__ = [
    "architectures_table",
    "explore",
    "explore_architectures",
    "explore_front",
    "families_of",
    "plan_line",
    "plan_table",
    "stream_graph",
    "told_variants",
    "write_plan",
]


def explore(
    model: Any, devices: str | Sequence[str] = "xcvu9p", *, clock_mhz: float | None = None,
    target_fps: float | None = None, objective: str | None = None, budget: Mapping[str, float] | None = None,
    architecture: str = "dataflow", **options: Any,
) -> Plan:  # fmt: skip
    """The best folded design of `model` (a Keras model, a path, or a graph) on the best of `devices`, proved.

    architecture: "dataflow", "engine", "mixed" (streams with an engine between them), or "auto": the best of these.
    With `target_fps` the least area that keeps the pace ("min_energy": the least energy), without it the highest pace
    that fits. budget: ceilings in luts, ffs, bram18s, dsps, urams instead of the device's. options: of `compile`
    (formats and the like). The plan's foldings go to `compile(folding=...)` by way of `plan.to_json()`, or `compile`
    with a `target_fps` explores by itself. Raises `Unsupported` where nothing fits, and says what is missing.
    """
    from bitwright.explore import explore_graph

    told = [device(name) for name in ([devices] if isinstance(devices, str) else devices)]
    graph = stream_graph(model, options)
    if architecture != "dataflow":
        only = _FOLDED if architecture == "auto" else (architecture,)
        return _best_of(graph, told, clock_mhz, target_fps, objective, budget, only)
    return explore_graph(
        graph, told, clock_mhz=clock_mhz, target_fps=target_fps, objective=objective, budget=budget
    )  # fmt: skip


_FOLDED = ("dataflow", "engine", "mixed")


def _best_of(
    graph: Graph, parts: Sequence[Device], clock_mhz: float | None, target_fps: float | None, objective: str | None,
    budget: Mapping[str, float] | None, only: Sequence[str],
) -> Plan:  # fmt: skip
    """The best plan over the devices and architectures."""
    from bitwright.explore import architectures

    found: list[Architectures] = []
    refused: Unsupported | None = None
    told: dict[str, Any] = {"clock_mhz": clock_mhz, "target_fps": target_fps, "objective": objective, "budget": budget}
    for part in parts:
        try:
            found.append(architectures.explore_architectures(graph, part, **told, only=only))
        except Unsupported as error:
            refused = error
    if not found:
        raise refused or ConfigError("no devices", where="exploration", remedy="name one at least")
    plans = [f.best.plan for f in found if f.best.plan is not None]
    if found[0].objective == "max_throughput":
        return max(plans, key=lambda plan: plan.fps)
    if found[0].objective == "min_energy":
        return min(plans, key=lambda plan: plan.power_w / plan.fps)
    return min(plans, key=lambda plan: (plan.area.luts, plan.area.bram18s))


def explore_architectures(
    model: Any, device_name: str = "xcvu9p", *, clock_mhz: float | None = None, target_fps: float | None = None,
    objective: str | None = None, budget: Mapping[str, float] | None = None, only: Sequence[str] = (), **options: Any,
) -> Architectures:  # fmt: skip
    """`model` unrolled, as streams, on an engine, and as a mix of the latter two; and the best of them on a device.

    As `explore`; what is unrolled competes too. only: some of "parallel", "dataflow", "engine", "mixed".
    """
    from bitwright.explore import architectures

    return architectures.explore_architectures(
        stream_graph(model, options), device(device_name), clock_mhz=clock_mhz, target_fps=target_fps,
        objective=objective, budget=budget, only=tuple(only) or architectures.ARCHITECTURES,
    )  # fmt: skip


def architectures_table(found: Architectures) -> str:
    """A line an architecture, what the best one is, and how much was tried for it."""
    lines = [f"{'architecture':<13} {'cycles':>9} {'frames/s':>12} {'LUT':>9} {'BRAM18':>7} {'DSP':>6} {'W, est.':>8}"]
    for choice in found.choices:
        if choice.refused:
            lines.append(f"{choice.architecture:<13} {choice.refused}")
            continue
        area = choice.area
        lines.append(
            f"{choice.architecture:<13} {choice.initiation_cycles:>9} {choice.fps:>12.0f} {area.luts:>9.0f}"
            f" {area.bram18s:>7.0f} {area.dsps:>6.0f} {choice.power_w:>8.2g}{_with_engine(choice.plan)}"
        )
    proof = "proved over all that was tried" if found.proved else "not proved"
    lines.append(
        f"best ({found.objective}): {found.best.architecture}, {proof}; {found.stretches} stretches of layers for an"
        f" engine, {found.solved} of them solved"
    )
    return "\n".join(lines)


def _with_engine(plan: Plan | None) -> str:
    return "" if plan is None or plan.segment is None else f"  engine of {plan.lanes} lanes {plan.segment}"


def explore_front(
    model: Any, devices: str | Sequence[str], clocks_mhz: Sequence[float] = (), *, points: int = 6,
    budget: Mapping[str, float] | None = None, variants: Variants | None = None,
    evaluate: Callable[[Any], float] | None = None, **options: Any,
) -> tuple[Plan, ...]:  # fmt: skip
    """Plans that no other is faster and smaller than, over devices, clocks and paces, the fastest first.

    model: several versions by name ({"6 bits": ..., "pruned": ...}) are families, each with a front of its own; so are
    a model and its `variants` (narrower, pruned). evaluate: the accuracy of a version, told with its plans.
    """
    from bitwright.explore import pareto

    told = [device(name) for name in ([devices] if isinstance(devices, str) else devices)]
    found: list[Plan] = []
    for name, version in families_of(model, variants).items():
        accuracy = None if evaluate is None else float(evaluate(version))
        plans = pareto(stream_graph(version, options), told, tuple(clocks_mhz), points=points, budget=budget)
        found += [replace(plan, family=name, accuracy=accuracy) for plan in plans]
    return tuple(sorted(found, key=lambda plan: -plan.fps))


def families_of(model: Any, variants: Variants | None) -> dict[str, Any]:
    """The versions of a model by name; one without a name where there is no other."""
    if isinstance(model, Mapping):
        if variants is not None or not model:
            raise ConfigError("versions by name and variants", where="exploration", remedy="give one of them")
        return {str(name): version for name, version in model.items()}
    if variants is None:
        return {"": model}
    from bitwright.flow.variants import variants_of

    return variants_of(model, variants)


def told_variants(narrower: str, pruned: str, channels: str) -> Variants | None:
    """Variants from lists of numbers, separated by commas; None where all are empty."""
    from bitwright.flow.variants import Variants

    def numbers(text: str) -> list[float]:
        try:
            return [float(part) for part in text.split(",") if part]
        except ValueError as error:
            raise ConfigError(f"{text!r} is no list of numbers", where="variants", remedy="write 6,4 or 0.5") from error

    bits = [int(n) for n in numbers(narrower)]
    made = Variants(bits, numbers(pruned), numbers(channels))
    return made if bits or made.pruned or made.channels else None


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
    lines.append(plan_line(plan))
    if plan.power is not None:
        lines.append(plan.power.text(plan.fps))
    binding = plan.binding
    slowest = f"slowest: {', '.join(binding.layers)}{_with_engine(plan)}"
    if binding.resource:
        slowest += f"; {binding.next_cycles} cycles take {binding.missing:.2f} times the {binding.resource} there are"
    return "\n".join([*lines, slowest])


def plan_line(plan: Plan) -> str:
    """A plan as a whole, in a line."""
    area = plan.area
    family = f"{plan.family}: " if plan.family else ""
    known = "" if plan.accuracy is None else f", accuracy {plan.accuracy:.4f}"
    proof = "proved the best" if plan.proved else f"within {plan.gap:.1%} of the best"
    return (
        f"{family}{plan.device} at {plan.clock_mhz:g} MHz: {plan.fps:.0f} frames/s (a frame every"
        f" {plan.initiation_cycles} cycles), {area.luts:.0f} LUT, {area.ffs:.0f} FF, {area.bram18s:.0f} BRAM18,"
        f" {area.dsps:.0f} DSP; {proof}{known}"
    )


def write_plan(plan: Plan, path: Path) -> Path:
    """The plan's foldings as JSON, in one piece."""
    from bitwright.core.files import write_atomic

    return write_atomic(path, plan.to_json())
