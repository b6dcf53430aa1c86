"""The report of an exploration as one HTML page that needs nothing else, in the manner of the build's."""

from __future__ import annotations

from collections.abc import Sequence

from bitwright.report import words
from bitwright.report.explore_figures import (
    RESOURCE_NAMES,
    binding_figure,
    cycles_figure,
    front_chart,
    ops_words,
    roofline_chart,
)
from bitwright.report.explore_record import BindingRow, ExploreReport, LayerChoice, PlanRow, explore_to_dict
from bitwright.report.headline import CHECK, DASH, Tile, Verdict
from bitwright.report.page import embedded, static, template

__all__ = ["binding_words", "explore_tiles", "explore_verdict", "render_explore_html"]

_PLANS = (
    "plan", "frames/s", "cycles", "LUT", "share", "FF", "BRAM18", "share", "DSP", "URAM", "power, estimated", "proved",
)  # fmt: skip
_LAYERS = ("layer", "SIMD", "PE", "kernel", "weights in", "cycles", "LUT", "BRAM18")


def render_explore_html(report: ExploreReport) -> str:
    """`report` as one self-contained HTML document. All its text is escaped. Raises `ToolMissing` without jinja2."""
    charts = [chart for roofline in report.rooflines if (chart := roofline_chart(roofline)) is not None]
    return template("explore.html.jinja").render(
        report=report,
        css=static("page.css", "search.css", "explore.css"),
        script=static("search.js", "page.js"),
        record=embedded(explore_to_dict(report)),
        facts=[fact for fact in (report.network, report.goal, words.moment(report.created)) if fact],
        verdict=explore_verdict(report),
        tiles=explore_tiles(report),
        front=front_chart(report.plans),
        rooflines=charts,
        cycles=cycles_figure(report.layers),
        binding=binding_figure(report.binding),
        binding_lead=binding_words(report.binding),
        plan_header=_plan_header(report.plans),
        plan_rows=[_plan(plan, report.plans) for plan in report.plans],
        layer_header=_LAYERS,
        layer_rows=[_layer(layer) for layer in report.layers],
    )


def explore_verdict(report: ExploreReport) -> Verdict:
    """The chosen plan in one sentence, and whether it is proved the best."""
    plan = report.chosen
    if plan is None:
        return Verdict("open", "No plan chosen", "Explore with a larger device, a slower pace, or fewer bits.", DASH)
    headline = f"{words.count(plan.fps)} frames/s on {plan.device} at {plan.clock_mhz:g} MHz"
    if plan.proved:
        detail = "No legal choice of foldings, kernels and memories is better: proved by HiGHS with no gap."
        return Verdict("good", headline, detail, CHECK)
    detail = f"Not proved the best: a better choice may exist, by {words.percent(plan.gap, 1)} at most."
    return Verdict("open", headline, detail, DASH)


def explore_tiles(report: ExploreReport) -> list[Tile]:
    """Frames, area, operations and power of the chosen plan; nothing without one."""
    plan = report.chosen
    if plan is None:
        return []
    luts = "predicted" if plan.lut_share is None else f"predicted; {words.percent(plan.lut_share, 1)} of the ceiling"
    unit = "cycle" if plan.initiation_cycles == 1 else "cycles"
    found = [
        Tile("Initiation", words.count(plan.initiation_cycles), unit, "from frame to frame"),
        Tile("Lookup tables", words.count(plan.luts), "", luts),
        Tile("Block memories", words.count(plan.bram18s), "BRAM18", "of 18 kbit each, predicted"),
    ]
    if report.operations:
        number, _, unit = ops_words(report.operations * plan.fps).partition(" ")
        found.append(Tile("Operations", number, unit, f"{words.count(report.operations)} a frame"))
    if plan.power_w is not None:
        found.append(
            Tile(
                "Power",
                f"{plan.power_w:.3g}",
                "W",
                "an estimate from magnitudes" + ("; see the notes" if plan.power_said else ""),
            )
        )
    return found


def binding_words(binding: BindingRow) -> str:
    """What allows no better plan, in a sentence or two."""
    slowest = ", ".join(binding.layers)
    said = f"The pace is set by {slowest}." if slowest else ""
    if binding.next_cycles is not None and binding.resource:
        name = RESOURCE_NAMES.get(binding.resource, binding.resource)
        times = f"{binding.missing:.2f} times the {name} there are"
        said += f" The next faster pace, {words.count(binding.next_cycles)} cycles, takes {times} at least."
    return said.strip() or "Nothing is known to bind."


def _judged(plans: Sequence[PlanRow]) -> bool:
    """Whether any plan's accuracy is known."""
    return any(plan.accuracy is not None for plan in plans)


def _plan_header(plans: Sequence[PlanRow]) -> tuple[str, ...]:
    return (_PLANS[0], "accuracy", *_PLANS[1:]) if _judged(plans) else _PLANS


def _plan(plan: PlanRow, plans: Sequence[PlanRow]) -> tuple[tuple[str, ...], bool]:
    """The cells of a row, and whether it is the chosen plan."""
    power = words.NOT_KNOWN if plan.power_w is None else f"{plan.power_w:.3g} W"
    cells = (
        plan.name,
        words.count(plan.fps),
        words.count(plan.initiation_cycles),
        words.count(plan.luts),
        words.percent(plan.lut_share, 1),
        words.count(plan.ffs),
        words.count(plan.bram18s),
        words.percent(plan.bram_share, 1),
        words.count(plan.dsps),
        words.count(plan.urams),
        power,
        "yes" if plan.proved else "no",
    )
    known = words.NOT_KNOWN if plan.accuracy is None else words.percent(plan.accuracy, 1)
    return (cells[0], known, *cells[1:]) if _judged(plans) else cells, plan.chosen


def _layer(layer: LayerChoice) -> tuple[str, ...]:
    numbers = (layer.cycles, layer.luts, layer.bram18s)
    kinds = (str(layer.simd), str(layer.pe), layer.kernel, layer.memory)
    return (layer.name, *kinds, *map(words.count, numbers))
