"""A search's result as the record that reports render, and as files."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bitwright import __version__
from bitwright.core.files import write_atomic
from bitwright.report import NOT_VERIFIED, Curve, HistoryStep, LayerBits, Run, SearchPoint, SearchReport
from bitwright.search.events import Events
from bitwright.search.objectives import USUAL, unbeaten, values_of
from bitwright.search.result import SearchResult, TrainedPoint
from bitwright.search.trial import State, Trial
from bitwright.train.layers.base import Quantized
from bitwright.train.observe import activation_quantizers

if TYPE_CHECKING:
    from bitwright.ir.certificate import Certificate

__all__ = ["save_search", "search_report"]

_SHOWN = 400


def search_report(result: SearchResult, title: str = "search", peers: Sequence[Curve] = ()) -> SearchReport:
    """The record of `result`; `peers` are curves to draw beside its points."""
    reference = result.reference[0] if result.reference[1] is None else result.reference[1]
    told = dict(result.limits.told)
    if "accuracy_drop" in told:
        told["accuracy"] = result.reference[0] - told.pop("accuracy_drop")
    # The chart is one of accuracy against LUTs, whatever else was weighed.
    shown = unbeaten(result.points, lambda p: values_of(USUAL, p.validation, p.facts), USUAL)
    cheapest = {point.name for point in shown}
    return SearchReport(
        title=title,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        seed=result.settings.get("seed"),
        method=str(result.settings.get("method", "")),
        goal=str(result.limits),
        limits=told,
        device=str(result.settings.get("device", "")),
        train_samples=result.sizes[0],
        validation_samples=result.sizes[1],
        test_samples=result.sizes[2] or None,
        baseline_accuracy=reference,
        versions={"bitwright": __version__},
        points=tuple(_point(point, point.name in cheapest) for point in result.points),
        history=_runs(result),
        peers=tuple(peers),
        notes=_notes(result),
    )


def save_search(result: SearchResult, folder: str | Path, title: str = "search", peers: Sequence[Curve] = ()) -> Path:
    """Models (models/NAME.keras), the record (search.json), settings and the page (search.html) in `folder`.

    The facts of the points go to logs/points too, where TensorBoard finds them beside what the method logged.
    """
    from bitwright.report import render_search_html, write_search

    place, report = Path(folder), search_report(result, title, peers)
    (place / "models").mkdir(parents=True, exist_ok=True)
    for point in result.points:
        point.model.save(place / "models" / f"{point.name}.keras")
    write_search(report, place / "search.json")
    write_atomic(place / "settings.json", json.dumps(dict(result.settings), indent=1, default=str) + "\n")
    write_atomic(place / "search.html", render_search_html(report))
    _log_points(result, place / "logs" / "points")
    return place


def _log_points(result: SearchResult, folder: Path) -> None:
    """One step for each point, by rising cost."""
    with Events(folder) as events:
        for place, point in enumerate(result.points):
            for name, value in {"validation": point.validation, **point.facts}.items():
                events.scalar(name, place, float(value))


def _point(point: TrainedPoint, on_front: bool) -> SearchPoint:
    facts = point.facts

    def whole(name: str) -> int | None:
        return round(facts[name]) if name in facts else None

    measured = point.design.measured
    return SearchPoint(
        name=point.name,
        validation_accuracy=point.validation,
        test_accuracy=point.test,
        test_error=point.test_error,
        luts=whole("luts"),
        ffs=whole("ffs"),
        dsps=whole("dsps"),
        brams=whole("brams"),
        latency_ns=facts.get("latency_ns"),
        latency_cycles=whole("latency_cycles"),
        bits=whole("bits"),
        energy_pj=facts.get("energy_pj"),
        ebops=facts.get("ebops"),
        measured_luts=None if measured is None else measured.luts,
        feasible=point.feasible,
        on_front=on_front,
        origin=point.origin,
        certificate=_certified(point.design.certificate),
        bits_per_layer=_layers(point),
    )


def _certified(certificate: Certificate | None) -> str:
    if certificate is None:
        return NOT_VERIFIED
    rows = certificate.comparisons
    if not rows:
        return NOT_VERIFIED
    levels = dict.fromkeys(level for row in rows for level in (row.before, row.after))
    vectors = sum(row.vectors for row in rows if (row.before, row.after) == (rows[0].before, rows[0].after))
    return f"{' = '.join(levels)} on {vectors} vectors"


def _layers(point: TrainedPoint) -> tuple[LayerBits, ...]:
    """Mean widths by layer, from the integers that the design holds."""
    luts = point.design.estimate().by_layer
    activations = {layer.name: quantizer for layer, quantizer in activation_quantizers(point.model)}
    rows: list[LayerBits] = []
    for layer in point.model.layers:
        weights = _weight_bits(layer)
        quantizer: Any = activations.get(layer.name)
        if weights is None and quantizer is None:
            continue
        widths, counts = np.unique(() if weights is None else weights, return_counts=True)
        rows.append(
            LayerBits(
                name=layer.name,
                weight_bits=None if weights is None else float(weights.mean()),
                histogram=tuple((int(b), int(n)) for b, n in zip(widths, counts, strict=True)),
                activation_bits=_activation_bits(quantizer),
                luts=luts[layer.name].luts if layer.name in luts else None,
            )
        )
    return tuple(rows)


def _weight_bits(layer: Any) -> Any:
    """Bits from the highest to the lowest nonzero one of each kernel weight; None without a kernel."""
    if not isinstance(layer, Quantized) or not hasattr(layer, "quantized_weights"):
        return None
    values: Any = getattr(layer, "quantized_weights")().get("kernel")  # noqa: B009
    if values is None:
        return None
    codes = np.abs(np.asarray(values.z, np.float64)).ravel()
    mantissa = np.frexp(codes)[0]
    whole = (mantissa * 2.0**24).astype(np.int64)
    trailing = np.log2(np.maximum(whole & -whole, 1)).astype(np.int64)
    return np.where(whole == 0, 0, 24 - trailing)


def _activation_bits(quantizer: Any) -> float | None:
    if quantizer is None:
        return None
    if hasattr(quantizer, "widths"):
        return float(np.mean(np.asarray(quantizer.widths())))
    grid = quantizer.grid()
    return None if grid is None else float((grid.high - grid.low).bit_length())


def _notes(result: SearchResult) -> tuple[str, ...]:
    """What was weighed, how trials ended, how energy is counted, and what went wrong on the way."""
    trials = [row for row in result.history if isinstance(row, Trial)]
    told: list[str] = [f"Weighed: {', '.join(result.objectives)}."]
    if trials:
        told.append(_trials_sentence(trials))
    if "energy" in result.settings:
        told.append(f"Energy of an inference by {result.settings['energy']}.")
    return (*told, *result.warnings)


def _trials_sentence(trials: Sequence[Trial]) -> str:
    own = [trial for trial in trials if trial.repeats is None]
    ends = (("came to their end", State.COMPLETE), ("were stopped early", State.PRUNED), ("failed", State.FAILED))
    counts = [f"{sum(trial.state is state for trial in own)} {words}" for words, state in ends]
    repeats = len(trials) - len(own)
    last = next((trial.error.splitlines()[0] for trial in reversed(own) if trial.state is State.FAILED), "")
    why = f" The last failure: {last}" if last else ""
    return f"{len(trials)} trials: {', '.join(counts)}, {repeats} repeated an earlier one.{why}"


def _runs(result: SearchResult) -> tuple[Run, ...]:
    trials = [row for row in result.history if isinstance(row, Trial)]
    return (_trials_run(trials),) if trials else _epochs_runs(result)


def _trials_run(trials: Sequence[Trial]) -> Run:
    """Every trial that came to its end, by number."""
    steps: list[HistoryStep] = []
    for trial in trials:
        if trial.outcome and trial.repeats is None:
            facts = trial.outcome.facts
            steps.append(HistoryStep(step=trial.number, validation_accuracy=facts["score"], luts=facts["luts"]))
    return Run(name="trials", steps=tuple(steps))


def _epochs_runs(result: SearchResult) -> tuple[Run, ...]:
    rows: dict[str, list[HistoryStep]] = defaultdict(list)
    for row in result.history:
        step = HistoryStep(
            step=row.epoch, loss=row.loss, validation_accuracy=row.score, luts=row.price, beta=row.beta
        )
        rows[row.stage if row.stage != "finish" else f"finish {row.run}"].append(step)
    return tuple(Run(name=name, steps=_thinned(steps)) for name, steps in rows.items())


def _thinned(steps: list[HistoryStep]) -> tuple[HistoryStep, ...]:
    every = max(len(steps) // _SHOWN, 1)
    return tuple(steps[::every])
