"""The main job, end to end: train in float and in few bits, compile, verify, synthesize, report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bitwright.core.errors import ToolMissing
from bitwright.core.progress import Progress
from bitwright.flow.compiling import compile_model
from bitwright.flow.design import Design
from bitwright.flow.options import Options
from bitwright.flow.reporting import write_report
from bitwright.report import Accuracy, Report

__all__ = ["DemoResult", "run_demo"]


@dataclass(frozen=True)
class DemoResult:
    """What the demo leaves: the design, its report, and the folder with everything."""

    design: Design
    report: Report
    folder: Path


def run_demo(
    data: str | None, folder: Path, *, seed: int, progress: Progress, options: Options | None = None, samples: int = 0
) -> DemoResult:
    """Digits when `data` is None, else jets or MNIST from the folder `data`.

    samples: how many test samples the RTL sees (0: all of digits, 10000 of a larger set).
    """
    from bitwright.train import zoo
    from bitwright.train.data import digits, load

    progress.step("load data")
    dataset = digits() if data is None else load(data)
    progress.done(f"{dataset.name}: {len(dataset.x_train)} training, {len(dataset.x_test)} test samples")
    recipe = zoo.recipe(dataset.name)
    _, float_accuracy = _trained(recipe.float_model, dataset, recipe, seed, progress, "float")
    quantized, quantized_accuracy = _trained(recipe.quantized_model, dataset, recipe, seed, progress, "quantized")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{dataset.name}.keras"
    quantized.save(path)
    chosen = options or Options(name=dataset.name, clock_mhz=200.0, seed=seed)
    design = compile_model(quantized, chosen)
    count = samples or min(len(dataset.x_test), 10_000)
    x = dataset.x_test[:count]
    design.verify(x, workdir=folder, progress=progress)
    hardware = _share(design.predict_codes(dataset.x_test), dataset.y_test)
    notes = _measure(design, folder, progress)
    design.origin = str(path)
    record = design.report(
        accuracy=Accuracy(
            float_=float_accuracy, quantized=quantized_accuracy, hardware=hardware, samples=len(dataset.x_test)
        ),
        dataset=dataset.name,
        commands=_commands(data, folder, path, seed, chosen),
        notes=notes,
    )
    design.write(folder)
    write_report(record, folder)
    return DemoResult(design, record, folder)


def _trained(
    build: Callable[[], Any], dataset: Any, recipe: Any, seed: int, progress: Progress, label: str
) -> tuple[Any, float]:
    from bitwright.train.fit import fit, set_seed

    set_seed(seed)
    model = build()
    progress.step(f"train {label}", recipe.epochs)
    result = fit(
        model, dataset, epochs=recipe.epochs, batch_size=recipe.batch_size, seed=seed, progress=progress
    )
    progress.done(f"test accuracy {result.test_accuracy:.2%}")
    return model, result.test_accuracy


def _share(codes: Any, labels: Any) -> float:
    """The share of samples whose largest logit is at the label; codes of one step order like values."""
    return float((np.argmax(codes, axis=-1) == labels).mean())


def _measure(design: Design, folder: Path, progress: Progress) -> tuple[str, ...]:
    try:
        design.synthesize(workdir=folder / "synthesis", progress=progress)
    except ToolMissing as error:
        progress.done("no yosys")
        return (f"Not synthesized: {error}",)
    return ()


def _commands(data: str | None, folder: Path, path: Path, seed: int, options: Options) -> tuple[str, ...]:
    source = f" --data {data}" if data else ""
    where = f"--device {options.device} --clock-mhz {options.clock_mhz:g}"
    return (
        f"bitwright demo{source} --seed {seed} --out {folder}",
        f"bitwright compile {path} {where} --out {folder}",
        f"bitwright verify {path} {where}",
        f"bitwright synth {path} {where}",
    )
