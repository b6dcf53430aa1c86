"""`compile`: a Keras model (or the path of one) to a design."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bitwright.core.errors import ConfigError
from bitwright.flow.design import Design
from bitwright.flow.designing import designed
from bitwright.flow.importing import graphs_of, imported
from bitwright.flow.options import Options
from bitwright.flow.staging import Build

__all__ = ["compile_model"]


def compile_model(model: Any, options: Options | None = None, **told: Any) -> Design:
    """The design for `model`, a Keras model or the path of a file that `load_model` reads.

    Options are keyword arguments (see `Options`), or an `Options` record, not both. Nothing is
    approximated: what cannot be exact raises `Unsupported`, `InvalidModel` or `Inexact`, naming
    the layer and the way out.

    folder: a build in stages, whose results stay there and are taken up again (see `flow.staging.Build`); then
    from_stage, to_stage and progress may be told too.

    Example: `compile(model, device="xcvu9p", clock_mhz=200)`.
    """
    staged = {key: told.pop(key) for key in ("folder", "from_stage", "to_stage", "progress") if key in told}
    if options is not None and told:
        raise ConfigError("options and keywords", where="compile", remedy="give one of them")
    chosen = options or Options.of(told)
    if staged:
        if "folder" not in staged:
            raise ConfigError("stages without a folder", where="compile", remedy="give folder= as well")
        return Build(model, chosen, Path(staged.pop("folder")), **staged).run().design
    return designed(graphs_of(imported(model, chosen), chosen), chosen)
