"""`explore_report`: an exploration as a page and a record: the front, what binds, the layers, rooflines."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bitwright import __version__
from bitwright.core.files import write_atomic
from bitwright.cost.roofline import Roofline, roofline_of
from bitwright.explore import explore_graph, operations, points_of, products_of
from bitwright.flow.exploring import explore_front, families_of, stream_graph
from bitwright.platforms import board, boards, device
from bitwright.report import BindingRow, ExploreReport, LayerChoice, PlanRow, render_explore_html, write_explore

if TYPE_CHECKING:
    from bitwright.explore import LayerPlan, Plan
    from bitwright.flow.variants import Variants
    from bitwright.ir.graph import Graph

__all__ = ["explore_record", "explore_report"]


def explore_report(
    model: Any, devices: str | Sequence[str] = "xcvu9p", *, folder: str | Path = "build/explore",
    clocks_mhz: Sequence[float] = (), target_fps: float | None = None, objective: str | None = None, points: int = 6,
    budget: Mapping[str, float] | None = None, bandwidth_gb_s: float | None = None, title: str = "",
    variants: Variants | None = None, evaluate: Callable[[Any], float] | None = None, **options: Any,
) -> Path:  # fmt: skip
    """Explore `model` and write report.html, report.json and the chosen plan's foldings.json; returns the page.

    The front is that of `explore_front`; the chosen plan that of `explore` at the first of the clocks, which for the
    highest pace is the front's first. bandwidth_gb_s: of the external memory in the rooflines, else that of the best
    known board with the device. variants, evaluate and several models: as in `explore_front`; then the plan is chosen
    for the first of them. options: of `compile`. Raises `Unsupported` where nothing fits.
    """
    names = [devices] if isinstance(devices, str) else list(devices)
    told = [device(name) for name in names]
    versions = families_of(model, variants)
    first = next(iter(versions))
    graph = stream_graph(versions[first], options)
    front = explore_front(
        versions if first else graph, names, clocks_mhz, points=points, budget=budget, evaluate=evaluate, **options
    )  # fmt: skip
    own = [plan for plan in front if plan.family == first]
    paced = target_fps is not None or objective not in (None, "max_throughput")
    if own and not paced:
        chosen = own[0]
    else:
        clock = clocks_mhz[0] if clocks_mhz else None
        chosen = explore_graph(
            graph, told, clock_mhz=clock, target_fps=target_fps, objective=objective, budget=budget
        )  # fmt: skip
        chosen = replace(chosen, family=first, accuracy=own[0].accuracy if own else None)
    goal = _goal(objective, target_fps)
    commands = _commands(model, names, clocks_mhz, target_fps, objective, Path(folder))
    record = explore_record(
        graph, chosen, front, title=title, goal=goal, commands=commands, bandwidth_gb_s=bandwidth_gb_s
    )
    place = Path(folder)
    write_explore(record, place / "report.json")
    write_atomic(place / "foldings.json", chosen.to_json())
    return write_atomic(place / "report.html", render_explore_html(record))


def explore_record(
    graph: Graph, chosen: Plan, front: Sequence[Plan] = (), *, title: str = "", goal: str = "", created: str = "",
    commands: Sequence[str] = (), notes: Sequence[str] = (), bandwidth_gb_s: float | None = None,
) -> ExploreReport:  # fmt: skip
    """The record of a chosen plan beside a front, and the rooflines of their devices with the network's points."""
    plans = [*front, *([] if chosen in front else [chosen])]
    plans.sort(key=lambda plan: -plan.fps)
    binding = chosen.binding
    found = {plan.device: plan for plan in (*reversed(plans), chosen)}
    lines = tuple(_roofline(graph, plan, bandwidth_gb_s) for plan in found.values())
    return ExploreReport(
        title=title or f"{graph.name}: exploration",
        created=created or datetime.now(UTC).isoformat(timespec="seconds"),
        network=graph.name,
        goal=goal,
        operations=operations(graph),
        plans=tuple(_plan(plan, plan is chosen) for plan in plans),
        layers=tuple(_layer(layer) for layer in chosen.layers),
        binding=BindingRow(
            layers=binding.layers,
            shares=dict(binding.shares),
            next_cycles=binding.next_cycles,
            resource=binding.resource,
            missing=binding.missing,
        ),
        rooflines=lines,
        versions={"bitwright": __version__},
        commands=tuple(commands),
        notes=(*notes, *(f"The chosen plan's power: {p.text(chosen.fps)}." for p in (chosen.power,) if p)),
    )


def _plan(plan: Plan, chosen: bool) -> PlanRow:
    area, shares = plan.area, plan.binding.shares
    return PlanRow(
        device=plan.device,
        clock_mhz=plan.clock_mhz,
        initiation_cycles=plan.initiation_cycles,
        fps=plan.fps,
        luts=area.luts,
        ffs=area.ffs,
        dsps=area.dsps,
        bram18s=area.bram18s,
        urams=area.urams,
        lut_share=shares.get("luts"),
        bram_share=shares.get("bram18s"),
        power_w=plan.power_w,
        power_said=plan.power.text(plan.fps) if plan.power else "",
        proved=plan.proved,
        gap=plan.gap,
        chosen=chosen,
        family=plan.family,
        accuracy=plan.accuracy,
    )


def _layer(layer: LayerPlan) -> LayerChoice:
    fold = layer.folding
    return LayerChoice(
        name=layer.name,
        simd=fold.lanes,
        pe=fold.units,
        kernel=fold.kernel.value,
        memory=fold.weights.value,
        cycles=layer.cycles,
        luts=layer.area.luts,
        bram18s=layer.area.bram18s,
    )


def _roofline(graph: Graph, plan: Plan, bandwidth_gb_s: float | None) -> Roofline:
    """At the plan's clock, with the roofs of the device's own fabric."""
    part = device(plan.device)
    known = (board(name) for name in boards())
    speed = bandwidth_gb_s or max((b.bandwidth_gb_s for b in known if b.device.name == part.name), default=0.0)
    return roofline_of(part, plan.clock_mhz, products_of(part.fabric), speed, points_of(graph, plan))


def _goal(objective: str | None, target_fps: float | None) -> str:
    wanted = objective or ("min_area" if target_fps else "max_throughput")
    aim = {"min_area": "the least area", "min_energy": "the least energy"}.get(wanted, "the highest pace that fits")
    return aim if target_fps is None else f"{aim} at {target_fps:,.0f} frames/s or more"


def _commands(
    model: Any, names: Sequence[str], clocks: Sequence[float], fps: float | None, objective: str | None, folder: Path
) -> tuple[str, ...]:
    """The command line that repeats it; none for a model in memory or more clocks than it takes."""
    if not isinstance(model, str | Path) or len(clocks) > 1:
        return ()
    given = {
        "--clock-mhz": f"{clocks[0]:g}" if clocks else None,
        "--target-fps": None if fps is None else f"{fps:g}",
        "--objective": objective,
    }
    words = ["bitwright", "explore", str(model), "--devices", ",".join(names)]
    words += [word for name, value in given.items() if value is not None for word in (name, value)]
    return (shlex.join([*words, "--report", str(folder)]),)
