"""The command line: arguments in, one call into flow, words out. Nothing is computed here."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from bitwright import __version__
from bitwright.core.errors import BitwrightError

if TYPE_CHECKING:
    from bitwright.core.progress import Progress
    from bitwright.flow.design import Design

__all__ = ["app", "main"]

app = typer.Typer(
    name="bitwright",
    help="Train networks in as few bits as the task needs; get firmware that is provably the same function.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Model = Annotated[Path, typer.Argument(help="a .keras or .onnx file, or an .h5 or .json of QKeras or Keras 2")]
Device = Annotated[str | None, typer.Option(help="target device, e.g. xcvu9p [default: xcvu9p]")]
Clock = Annotated[float | None, typer.Option("--clock-mhz", help="target clock in MHz [default: the device's]")]
Architecture = Annotated[str | None, typer.Option(help="parallel, dataflow, engine, mixed or auto [default: auto]")]
Pace = Annotated[int | None, typer.Option("--initiation-cycles", help="dataflow: cycles from frame to frame")]
Fps = Annotated[float | None, typer.Option("--target-fps", help="dataflow: frames per second")]
Writable = Annotated[
    list[str] | None,
    typer.Option(help="dataflow: layer (or layer=bits) with numbers that can be written at run time; repeat, or all"),
]
Config = Annotated[Path | None, typer.Option(help="options as .toml, .yaml or .json")]
InputFormat = Annotated[str | None, typer.Option(help="grid of an input without a quantizer, e.g. s8.4")]
OutputFormat = Annotated[str | None, typer.Option(help="grid of an output that has no exact one, e.g. s16.8")]
Seed = Annotated[int | None, typer.Option(help="seed of training and random vectors [default: 0]")]
Out = Annotated[Path, typer.Option(help="folder for what is written")]
Data = Annotated[Path | None, typer.Option(help="an .npy file of inputs, or an .npz with `x` or `x_test`")]


def _options(config: Path | None, **told: Any) -> dict[str, Any]:
    """The configuration file's options under those of the command line."""
    from bitwright.flow.options import read_options

    base = read_options(config) if config else {}
    return {**base, **{key: value for key, value in told.items() if value is not None}}


def _progress() -> Progress:
    from bitwright.flow.progress import listener

    return listener()


def _design(model: Path, config: Path | None, **told: Any) -> Design:
    from bitwright.flow.compiling import compile_model

    return compile_model(model, **_options(config, **told))


def _shared(
    device: Device = None,
    clock_mhz: Clock = None,
    input_format: InputFormat = None,
    output_format: OutputFormat = None,
    architecture: Architecture = None,
    initiation_cycles: Pace = None,
    target_fps: Fps = None,
    writable: Writable = None,
    config: Config = None,
    seed: Seed = None,
) -> None:
    """The options of every verb that compiles a model; only its signature is used."""


def _on_design(verb: Callable[..., None]) -> Callable[..., None]:
    """A command from `verb(design, ...)`: it takes a model and the shared options, compiles, and calls `verb`."""
    return _on_model(verb, lambda model, told: _design(model, **told))


def _on_model(verb: Callable[..., None], begin: Callable[[Path, dict[str, Any]], Any]) -> Callable[..., None]:
    """A command from `verb(design, ...)`, where `begin` makes the first argument of model and shared options."""
    hints = {
        "model": Model,
        **get_type_hints(verb, localns={"Design": Any}, include_extras=True),
        **get_type_hints(_shared, include_extras=True),
    }
    own = [p for p in signature(verb).parameters.values() if p.name != "design"]
    shared = signature(_shared).parameters
    parameters = [Parameter("model", Parameter.POSITIONAL_OR_KEYWORD), *own, *shared.values()]

    @wraps(verb)
    def command(**told: Any) -> None:
        verb(begin(told.pop("model"), {name: told.pop(name) for name in shared}), **told)

    typed = [p.replace(annotation=hints[p.name]) for p in parameters]
    command.__annotations__ = {p.name: p.annotation for p in typed}
    command.__dict__["__signature__"] = Signature(typed)
    return command


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

    told = _options(config, device=device, clock_mhz=clock_mhz, seed=seed)
    chosen = Options.of({"clock_mhz": 200.0, **told})
    options = chosen if set(told) - {"seed"} else None
    result = run_demo(
        str(data) if data else None, out, seed=chosen.seed, progress=_progress(), options=options, samples=samples
    )
    typer.echo(render_terminal(result.report))
    typer.echo(f"report: {result.folder / 'report.html'}")


@app.command()
def doctor() -> None:
    """Tell which tools are here and what each missing one would add."""
    from bitwright.flow.doctor import examine

    for found in examine():
        state = found.version if found.present else "missing"
        typer.echo(f"{'ok ' if found.present else '-- '} {found.name:<18} {state:<28} {found.adds}")
        if not found.present and found.install:
            typer.echo(f"      try: {found.install}")


def _told(verb: Callable[..., None]) -> Callable[..., None]:
    """A command from `verb(design, ...)`, where `design` is the model's path and the shared options."""
    return _on_model(verb, lambda model, told: (model, told))


@app.command("compile")
@_told
def compile_(
    design: tuple[Path, dict[str, Any]],
    out: Out = Path("build/design"),
    resume: Annotated[
        bool, typer.Option("--resume", help="in stages that stay in the folder, those left before taken up again")
    ] = False,
    from_stage: Annotated[str | None, typer.Option(help="build anew from this stage on (see --resume)")] = None,
    to_stage: Annotated[str | None, typer.Option(help="the last stage: ... rtl, verify, synthesize")] = None,
    project: Annotated[
        list[str] | None, typer.Option(help="also a project: vivado, quartus, cocotb, ...; again for more, or all")
    ] = None,
) -> None:
    """Compile a model to Verilog with a bench, integers and a manifest."""
    model, told = design
    if resume or from_stage or to_stage:
        from bitwright.flow.staging import build_file

        typer.echo(build_file(model, _options(**told), out, from_stage, to_stage, project or (), _progress()))
        return
    made = _design(model, **told)
    typer.echo(str(made.write(out, projects=project or ())))
    _echo_estimate(made)


@app.command()
@_on_design
def verify(
    design: Design,
    data: Data = None,
    rtl: Annotated[bool, typer.Option(help="simulate the Verilog too")] = True,
    netlist: Annotated[bool, typer.Option(help="unroll it; --no-netlist stops at the integer graph")] = True,
    out: Annotated[Path | None, typer.Option(help="write the certificate here")] = None,
) -> None:
    """Compare Keras, graph, netlist and simulated RTL bit for bit."""
    from bitwright.core.files import write_atomic
    from bitwright.flow.data import read_inputs

    certificate = design.verify(read_inputs(data) if data else None, rtl=rtl, netlist=netlist, progress=_progress())
    for row in certificate.comparisons:
        typer.echo(f"{row.before} = {row.after}: {row.differences} differing codes on {row.vectors} {row.data} vectors")
    if out:
        typer.echo(str(write_atomic(out, certificate.to_json())))


@app.command()
def build(
    model: Model,
    board: Annotated[str, typer.Option(help="an open board: ulx3s, icebreaker, tangnano9k, colorlight-i5, ...")],
    out: Out = Path("build/bitstream"),
    seeds: Annotated[int, typer.Option(help="at most so many placements, until one meets the clock")] = 3,
    baud: Annotated[int | None, typer.Option(help="rate of the serial link [default: the board's]")] = None,
    vectors: Annotated[int, typer.Option(help="golden frames through the pins of the layout (0: none)")] = 4,
    clock_mhz: Clock = None,
    architecture: Architecture = None,
    initiation_cycles: Pace = None,
    target_fps: Fps = None,
    input_format: InputFormat = None,
    output_format: OutputFormat = None,
    config: Config = None,
    seed: Seed = None,
) -> None:
    """Build the bitstream of an open board: yosys, nextpnr and packer, with a serial link to the network."""
    from bitwright.flow.bitstreams import build_model

    told = _options(
        config, clock_mhz=clock_mhz, architecture=architecture, initiation_cycles=initiation_cycles,
        target_fps=target_fps, input_format=input_format, output_format=output_format, seed=seed,
    )  # fmt: skip
    told.pop("device", None)
    made = build_model(
        model, board, out, options=told, seeds=range(1, seeds + 1), baud=baud, vectors=vectors, progress=_progress()
    )
    typer.echo(made.headline())
    typer.echo(str(out / made.name))


@app.command()
@_on_design
def synth(
    design: Design,
) -> None:
    """Synthesize with yosys; predicted beside measured."""
    from bitwright.report import render_terminal

    design.synthesize(progress=_progress())
    typer.echo(render_terminal(design.report()))


@app.command()
@_on_design
def estimate(
    design: Design,
    energy: Annotated[bool, typer.Option(help="also the energy of one inference by layer (QTools, 45 nm)")] = False,
) -> None:
    """Predict area and timing, and energy, without any tool."""
    _echo_estimate(design)
    if energy:
        from bitwright.flow.qtools.summary import energy_text

        typer.echo(energy_text(design.model))


def _echo_estimate(design: Design) -> None:
    typer.echo(design.headline())


@app.command()
@_on_design
def report(
    design: Design,
    out: Out = Path("build/report"),
    data: Data = None,
    synthesize: Annotated[bool, typer.Option(help="measure with yosys")] = True,
) -> None:
    """Verify, synthesize and write report.html and report.json."""
    from bitwright.flow.data import read_inputs
    from bitwright.flow.reporting import write_report

    progress = _progress()
    design.verify(read_inputs(data) if data else None, progress=progress)
    if synthesize:
        design.synthesize(progress=progress)
    typer.echo(str(write_report(design.report(), out)))


@app.command()
def search(
    model: Model,
    data: Annotated[str, typer.Option(help="digits, a folder with jets or MNIST, or .npz with x_train, y_train")],
    luts: Annotated[float | None, typer.Option(help="at most so many LUTs")] = None,
    latency_ns: Annotated[float | None, typer.Option(help="at most so many ns from input to output")] = None,
    accuracy_drop: Annotated[float | None, typer.Option(help="at most this share below the float model")] = None,
    bits: Annotated[float | None, typer.Option(help="at most so many bits of weights and activations")] = None,
    budget_s: Annotated[float | None, typer.Option(help="seconds of training [default: fixed epochs]")] = None,
    points: Annotated[int, typer.Option(help="models of the front")] = 10,
    out: Out = Path("build/search"),
    device: Device = None,
    clock_mhz: Clock = None,
    seed: Seed = None,
    config: Config = None,
) -> None:
    """Find the smallest hardware for a stated accuracy: a front of trained, compiled and verified models."""
    from bitwright.flow.searching import search_file
    from bitwright.report import render_search_terminal

    limits = {"luts": luts, "latency_ns": latency_ns, "accuracy_drop": accuracy_drop, "bits": bits}
    told = _options(config, device=device, clock_mhz=clock_mhz, seed=seed)
    record = search_file(model, data, limits, out, options=told, budget_s=budget_s, points=points, progress=_progress())
    typer.echo(render_search_terminal(record))
    typer.echo(f"report: {out / 'search.html'}")


@app.command()
def diff(
    left: Model,
    right: Annotated[Path | None, typer.Argument(help="another .keras file; none: the levels of the first")] = None,
    data: Data = None,
    built: Annotated[Path | None, typer.Option(help="a folder that `compile` wrote: were its files changed?")] = None,
    rtl: Annotated[bool, typer.Option(help="simulate every layer's Verilog module alone")] = False,
    input_format: InputFormat = None,
    output_format: OutputFormat = None,
    config: Config = None,
    seed: Seed = None,
) -> None:
    """Name the first diverging tensor, its element and both integers."""
    from bitwright.flow.data import read_inputs

    told: dict[str, Any] = {"input_format": input_format, "output_format": output_format, "seed": seed}
    design = _design(left, config, **told)
    other = _design(right, config, **told) if right else None
    found = design.diff(other, read_inputs(data) if data else None, folder=built, rtl=rtl)
    typer.echo(found or "no difference")
    if found:
        raise typer.Exit(1)


@app.command("import")
def import_(
    model: Model,
    weights: Annotated[Path | None, typer.Option(help="an .h5 of weights, for a .json [default: its neighbor]")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="the .keras file, or a configuration's folder, to write")
    ] = None,
    explain: Annotated[bool, typer.Option("--explain", help="tell what becomes of each part of the model")] = False,
    input_format: InputFormat = None,
) -> None:
    """Turn an old model file into a .keras file, explain a model, or build what an hls4ml_config.yml asks for."""
    from bitwright.flow.explaining import explain_model
    from bitwright.flow.models import import_model

    if model.suffix.lower() in (".yml", ".yaml"):
        from bitwright.flow.hls4ml_build import import_hls4ml

        told = {"input_format": input_format} if input_format else {}
        design, hls = import_hls4ml(model, out or Path("build/design"), **told)
        typer.echo("\n".join([design.headline(), *(f"note: {note}" for note in hls.notes)]))
        return
    if explain:
        typer.echo(explain_model(model, input_format, weights).text())
        return
    found = import_model(model, out or Path("model.keras"), weights)
    typer.echo(f"{found.path}: {found.layers} layers, {found.weights} weights")


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
) -> None:
    """Find the best folding of every layer under a device's budget, and prove it."""
    from bitwright.flow import exploring

    given = {"input_format": input_format, "output_format": output_format}
    told: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    names = devices.split(",")
    variants = exploring.told_variants(narrower, pruned, channels)
    if front:
        clock = () if clock_mhz is None else (clock_mhz,)
        plans = exploring.explore_front(model, names, clock, variants=variants, **told)
        for plan in plans:
            typer.echo(exploring.plan_line(plan))
    elif architecture == "all":
        for name in names:
            found = exploring.explore_architectures(
                model, name, clock_mhz=clock_mhz, target_fps=target_fps, objective=objective, **told
            )
            typer.echo(f"{name}\n{exploring.architectures_table(found)}")
    else:
        plan = exploring.explore(
            model, names, clock_mhz=clock_mhz, target_fps=target_fps, objective=objective,
            architecture=architecture, **told,
        )  # fmt: skip
        typer.echo(exploring.plan_table(plan))
        if out:
            typer.echo(str(exploring.write_plan(plan, out)))
    if report:
        from bitwright.flow.exploration_report import explore_report

        clocks = () if clock_mhz is None else (clock_mhz,)
        page = explore_report(
            model,
            names,
            folder=report,
            clocks_mhz=clocks,
            target_fps=target_fps,
            objective=objective,
            variants=variants,
            **told,
        )
        typer.echo(str(page))


@app.command()
def export(
    model: Model,
    out: Annotated[Path, typer.Option("--out", "-o", help="the .onnx file to write")] = Path("model.onnx"),
    dialect: Annotated[str, typer.Option(help="qonnx (Quant, MultiThreshold) or qdq (QuantizeLinear)")] = "qonnx",
    input_format: InputFormat = None,
    output_format: OutputFormat = None,
) -> None:
    """Write a model's integers as an ONNX file: QONNX, or ONNX with its own quantizers (QDQ)."""
    from bitwright.flow.exporting import to_onnx

    told = {"input_format": input_format, "output_format": output_format}
    typer.echo(str(to_onnx(model, out, dialect, **{k: v for k, v in told.items() if v is not None})))


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="print the version")
    ] = False,
) -> None:
    return None


def main() -> None:
    """Run the command line; a `BitwrightError` ends it with its message and status 1."""
    try:
        app()
    except BitwrightError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        typer.echo("error: interrupted\ntry: the same command again; finished files were kept", err=True)
        sys.exit(130)
