"""Verbs on what stands around: the tools that are here, boards."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bitwright.cli.shared import (
    Architecture,
    Clock,
    Config,
    Fps,
    InputFormat,
    Model,
    Out,
    OutputFormat,
    Pace,
    Seed,
    app,
    bars,
    options_of,
)

if TYPE_CHECKING:
    pass

__all__: list[str] = []


@app.command()
def doctor() -> None:
    """Tell which tools are here and what each missing one would add."""
    from bitwright.flow.doctor import examine

    for found in examine():
        state = found.version if found.present else "missing"
        typer.echo(f"{'ok ' if found.present else '-- '} {found.name:<18} {state:<28} {found.adds}")
        if not found.present and found.install:
            typer.echo(f"      try: {found.install}")


@app.command()
def build(
    model: Model,
    board: Annotated[str, typer.Option(help="an open board: ulx3s, icebreaker, tangnano9k, colorlight-i5, ...")],
    out: Out = Path("build/bitstream"),
    seeds: Annotated[int, typer.Option(help="at most so many placements, until one meets the clock")] = 3,
    link: Annotated[str, typer.Option(help="uart or spi: how the host reaches the network")] = "uart",
    baud: Annotated[int | None, typer.Option(help="bits a second of the link [default: the board's]")] = None,
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
    """Build the bitstream of an open board: yosys, nextpnr and packer, with a link from the host to the network."""
    from bitwright.flow.bitstreams import build_model

    told = options_of(
        config, clock_mhz=clock_mhz, architecture=architecture, initiation_cycles=initiation_cycles,
        target_fps=target_fps, input_format=input_format, output_format=output_format, seed=seed,
    )  # fmt: skip
    made = build_model(
        model, board, out, options=told, seeds=range(1, seeds + 1), link=link, baud=baud, vectors=vectors,
        progress=bars(),
    )  # fmt: skip
    typer.echo(made.headline())
    typer.echo(str(out / made.name))
