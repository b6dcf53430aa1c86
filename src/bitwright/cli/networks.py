"""Verbs on a network: demo, search, explore, import, export."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bitwright.cli.shared import (
    Clock,
    Config,
    Device,
    Fps,
    InputFormat,
    Model,
    Out,
    OutputFormat,
    Seed,
    StateFormat,
    app,
    bars,
    options_of,
)

__all__: list[str] = []


@app.command()
def demo(
    data: Annotated[Path | None, typer.Option(help="folder with jets_hlf_pythia.npz or mnist.npz")] = None,
    out: Out = Path("build/demo"),
    seed: Seed = None,
    samples: Annotated[int, typer.Option(help="test samples for the RTL (0: all of digits, else 10000)")] = 0,
    device: Device = None,
    clock_mhz: Clock = None,
    config: Config = None,
) -> None:
    """Train, compile, verify and synthesize a network on real data, and write the report."""
    from bitwright.flow.demo import run_demo
    from bitwright.flow.options import Options
    from bitwright.report import render_terminal

    told = options_of(config, device=device, clock_mhz=clock_mhz, seed=seed)
    chosen = Options.of({"clock_mhz": 200.0, **told})
    options = chosen if set(told) - {"seed"} else None
    result = run_demo(
        str(data) if data else None, out, seed=chosen.seed, progress=bars(), options=options, samples=samples
    )
    typer.echo(render_terminal(result.report))
    typer.echo(f"report: {result.folder / 'report.html'}")


@app.command()
def search(
    model: Model,
    data: Annotated[str, typer.Option(help="digits, a folder with jets or MNIST, or .npz with x_train, y_train")],
    method: Annotated[str, typer.Option(help="gradient, sensitivity or trials")] = "gradient",
    neurons: Annotated[str | None, typer.Option(help="adders, tables or mixed [default: adders]")] = None,
    luts: Annotated[float | None, typer.Option(help="at most so many LUTs")] = None,
    dsps: Annotated[float | None, typer.Option(help="at most so many DSP blocks")] = None,
    brams: Annotated[float | None, typer.Option(help="at most so many block RAMs")] = None,
    latency_ns: Annotated[float | None, typer.Option(help="at most so many ns from input to output")] = None,
    energy_pj: Annotated[float | None, typer.Option(help="at most so many pJ of an inference, by QTools")] = None,
    bits: Annotated[float | None, typer.Option(help="at most so many bits of weights and activations")] = None,
    accuracy_drop: Annotated[float | None, typer.Option(help="at most this share below the float model")] = None,
    objectives: Annotated[str, typer.Option(help="what is weighed, with commas")] = "score,luts",
    budget_s: Annotated[float | None, typer.Option(help="seconds of the search [default: fixed epochs]")] = None,
    points: Annotated[int | None, typer.Option(help="models of the front [default: 10]")] = None,
    epochs: Annotated[int | None, typer.Option(help="of both stages, or of each trial [default: 100, or 10]")] = None,
    max_trials: Annotated[int | None, typer.Option(help="trials in all, resumed ones included [default: 60]")] = None,
    mode: Annotated[str | None, typer.Option(help="trials: bayesian, random, hyperband or evolution")] = None,
    workers: Annotated[int | None, typer.Option(help="trials at a time, in processes or on the cluster")] = None,
    ray: Annotated[str | None, typer.Option(metavar="ADDRESS", help="trials: run on the Ray cluster there")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="go on where the journal in --out stands")] = False,
    out: Out = Path("build/search"),
    device: Device = None,
    clock_mhz: Clock = None,
    seed: Seed = None,
    config: Config = None,
) -> None:
    """Find the smallest hardware for a stated accuracy: a front of trained, compiled and verified models."""
    from bitwright.flow.search_asked import Asked
    from bitwright.flow.searching import search_file
    from bitwright.report import render_search_terminal

    limits = {
        "luts": luts, "dsps": dsps, "brams": brams, "latency_ns": latency_ns, "energy_pj": energy_pj, "bits": bits,
        "accuracy_drop": accuracy_drop,
    }  # fmt: skip
    asked = Asked(
        method, tuple(objectives.split(",")), resume, points, budget_s, epochs, max_trials, mode, workers, ray, neurons
    )  # fmt: skip
    told = options_of(config, device=device, clock_mhz=clock_mhz, seed=seed)
    record = search_file(model, data, limits, out, options=told, asked=asked, progress=bars())
    typer.echo(render_search_terminal(record))
    typer.echo(f"report: {out / 'search.html'}")


@app.command()
def explore(
    model: Model,
    devices: Annotated[str, typer.Option(help="devices, separated by commas")] = "xcvu9p",
    clock_mhz: Clock = None,
    target_fps: Fps = None,
    objective: Annotated[str | None, typer.Option(help="max_throughput, min_area or min_energy")] = None,
    front: Annotated[bool, typer.Option("--front", help="the whole front over the devices")] = False,
    architecture: Annotated[
        str, typer.Option(help="dataflow, engine, mixed, auto (the best of these), or all: a line each, unrolled too")
    ] = "dataflow",
    narrower: Annotated[str, typer.Option(help="with --front or --report: versions of so many bits, e.g. 6,4")] = "",
    pruned: Annotated[str, typer.Option(help="versions with so large shares of the weights pruned, e.g. 0.5,0.8")] = "",
    channels: Annotated[str, typer.Option(help="versions with so large shares of the channels pruned")] = "",
    out: Annotated[Path | None, typer.Option("--out", "-o", help="write the best folding here, as JSON")] = None,
    report: Annotated[Path | None, typer.Option(help="folder for the page of the front, as HTML and JSON")] = None,
    input_format: InputFormat = None,
    output_format: OutputFormat = None,
    state_format: StateFormat = None,
) -> None:
    """Find the best folding of every layer under a device's budget, and prove it."""
    from bitwright.flow.explore_asked import ExploreAsked
    from bitwright.flow.exploring import told_variants

    given = {"input_format": input_format, "output_format": output_format, "state_format": state_format}
    asked = ExploreAsked(
        model, tuple(devices.split(",")), {name: value for name, value in given.items() if value is not None},
        clock_mhz, target_fps, objective, architecture, front, told_variants(narrower, pruned, channels), out, report,
    )  # fmt: skip
    for line in asked.lines():
        typer.echo(line)


@app.command("import")
def import_(
    model: Model,
    weights: Annotated[Path | None, typer.Option(help="an .h5 of weights, for a .json [default: its neighbor]")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="the .keras file, or a configuration's folder, to write")
    ] = None,
    explain: Annotated[bool, typer.Option("--explain", help="tell what becomes of each part of the model")] = False,
    input_format: InputFormat = None,
    state_format: StateFormat = None,
) -> None:
    """Turn an old model file into a .keras file, explain a model, or build what an hls4ml_config.yml asks for."""
    from bitwright.flow.explaining import explain_model
    from bitwright.flow.models import import_model

    if model.suffix.lower() in (".yml", ".yaml"):
        from bitwright.flow.hls4ml_build import import_hls4ml

        told = {"input_format": input_format, "state_format": state_format}
        design, hls = import_hls4ml(model, out or Path("build/design"), **{k: v for k, v in told.items() if v})
        typer.echo("\n".join([design.headline(), *(f"note: {note}" for note in hls.notes)]))
        return
    if explain:
        typer.echo(explain_model(model, input_format, weights, state_format).text())
        return
    found = import_model(model, out or Path("model.keras"), weights)
    typer.echo(f"{found.path}: {found.layers} layers, {found.weights} weights")


@app.command()
def export(
    model: Model,
    out: Annotated[Path, typer.Option("--out", "-o", help="the .onnx file to write")] = Path("model.onnx"),
    dialect: Annotated[str, typer.Option(help="qonnx (Quant, MultiThreshold) or qdq (QuantizeLinear)")] = "qonnx",
    input_format: InputFormat = None,
    output_format: OutputFormat = None,
    state_format: StateFormat = None,
) -> None:
    """Write a model's integers as an ONNX file: QONNX, or ONNX with its own quantizers (QDQ)."""
    from bitwright.flow.exporting import to_onnx

    told = {"input_format": input_format, "output_format": output_format, "state_format": state_format}
    typer.echo(str(to_onnx(model, out, dialect, **{k: v for k, v in told.items() if v is not None})))
