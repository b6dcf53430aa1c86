"""Verbs on a design: compile, verify, synthesize, estimate, report, diff."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bitwright.cli.shared import (
    Config,
    Data,
    InputFormat,
    Model,
    Out,
    OutputFormat,
    Seed,
    app,
    bars,
    compiled,
    on_design,
    on_options,
    options_of,
)

if TYPE_CHECKING:
    from bitwright.flow.design import Design

__all__: list[str] = []


@app.command("compile")
@on_options
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
    hls: Annotated[
        str, typer.Option(metavar="VENDOR[=PART]", help="also HLS C++: vitis, vivado, catapult, intel or smarthls")
    ] = "",
    strategy: Annotated[
        str, typer.Option(help="--hls, parallel: latency, distributed_arithmetic or resource [default: latency]")
    ] = "",
    reuse_factor: Annotated[
        list[str] | None, typer.Option(metavar="[LAYER=]N", help="--hls, resource: of all layers, or of each named")
    ] = None,
    loadable: Annotated[bool, typer.Option("--loadable", help="--hls: weights are arguments of the function")] = False,
) -> None:
    """Compile a model to Verilog with a bench, integers and a manifest."""
    from bitwright.flow.hls import asked_hls

    model, told = design
    asked = asked_hls(hls, strategy, reuse_factor or (), loadable)
    if resume or from_stage or to_stage:
        from bitwright.flow.staging import build_file

        typer.echo(build_file(model, options_of(**told), out, from_stage, to_stage, project or (), bars(), asked))
        return
    made = compiled(model, **told)
    typer.echo(str(made.write(out, projects=project or (), hls=asked)))
    _echo_estimate(made)


@app.command()
@on_design
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

    certificate = design.verify(read_inputs(data) if data else None, rtl=rtl, netlist=netlist, progress=bars())
    for row in certificate.comparisons:
        typer.echo(f"{row.before} = {row.after}: {row.differences} differing codes on {row.vectors} {row.data} vectors")
    if out:
        typer.echo(str(write_atomic(out, certificate.to_json())))


@app.command()
@on_design
def synth(
    design: Design,
) -> None:
    """Synthesize with yosys; predicted beside measured."""
    from bitwright.report import render_terminal

    design.synthesize(progress=bars())
    typer.echo(render_terminal(design.report()))


@app.command()
@on_design
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
@on_design
def report(
    design: Design,
    out: Out = Path("build/report"),
    data: Data = None,
    synthesize: Annotated[bool, typer.Option(help="measure with yosys")] = True,
) -> None:
    """Verify, synthesize and write report.html and report.json."""
    from bitwright.flow.data import read_inputs
    from bitwright.flow.reporting import write_report

    progress = bars()
    design.verify(read_inputs(data) if data else None, progress=progress)
    if synthesize:
        design.synthesize(progress=progress)
    typer.echo(str(write_report(design.report(), out)))


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
    design = compiled(left, config, **told)
    other = compiled(right, config, **told) if right else None
    found = design.diff(other, read_inputs(data) if data else None, folder=built, rtl=rtl)
    typer.echo(found or "no difference")
    if found:
        raise typer.Exit(1)
