"""What the verbs of the command line share: the application, the options, models that become designs."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

if TYPE_CHECKING:
    from bitwright.core.progress import Progress
    from bitwright.flow.design import Design

__all__ = [
    "Architecture",
    "Clock",
    "Config",
    "Data",
    "Device",
    "Fps",
    "InputFormat",
    "Model",
    "Out",
    "OutputFormat",
    "Pace",
    "Seed",
    "StateFormat",
    "app",
    "bars",
    "compiled",
    "on_design",
    "on_options",
    "options_of",
]  # fmt: skip

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
StateFormat = Annotated[str | None, typer.Option(help="grid of states of LSTM, GRU and RNN in ONNX files, e.g. s8.4")]
Seed = Annotated[int | None, typer.Option(help="seed of training and random vectors [default: 0]")]
Out = Annotated[Path, typer.Option(help="folder for what is written")]
Data = Annotated[Path | None, typer.Option(help="an .npy file of inputs, or an .npz with `x` or `x_test`")]


def options_of(config: Path | None, **told: Any) -> dict[str, Any]:
    """The configuration file's options under those of the command line."""
    from bitwright.flow.options import read_options

    base = read_options(config) if config else {}
    return {**base, **{key: value for key, value in told.items() if value is not None}}


def bars() -> Progress:
    """Bars on a terminal."""
    from bitwright.flow.progress import listener

    return listener()


def compiled(model: Path, config: Path | None, **told: Any) -> Design:
    """The design of a model's file."""
    from bitwright.flow.compiling import compile_model

    return compile_model(model, **options_of(config, **told))


def _shared(
    device: Device = None,
    clock_mhz: Clock = None,
    input_format: InputFormat = None,
    output_format: OutputFormat = None,
    state_format: StateFormat = None,
    architecture: Architecture = None,
    initiation_cycles: Pace = None,
    target_fps: Fps = None,
    writable: Writable = None,
    config: Config = None,
    seed: Seed = None,
) -> None:
    """The options of every verb that compiles a model; only its signature is used."""


def on_design(verb: Callable[..., None]) -> Callable[..., None]:
    """A command from `verb(design, ...)`: it takes a model and the shared options, compiles, and calls `verb`."""
    return _on_model(verb, lambda model, told: compiled(model, **told))


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


def on_options(verb: Callable[..., None]) -> Callable[..., None]:
    """A command from `verb(design, ...)`, where `design` is the model's path and the shared options."""
    return _on_model(verb, lambda model, told: (model, told))
