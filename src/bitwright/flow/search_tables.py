"""The front of table networks that a search trains for a float model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bitwright.core.errors import ConfigError
from bitwright.core.progress import Progress
from bitwright.search.losses import ends_in_softmax, taught_by
from bitwright.search.splits import Splits
from bitwright.search.tables import Tables, model_of, table_front, widths_of

__all__ = ["TableModels", "table_models"]


@dataclass(frozen=True)
class TableModels:
    """Keras models with where they come from, the history, and the epochs that were done."""

    models: tuple[tuple[Any, str], ...]
    history: tuple[Any, ...]
    epochs: tuple[int, int, int]


def table_models(
    source: Any, splits: Splits, options: Tables, *, loss: Any, score: Callable[[NDArray[Any], NDArray[Any]], float],
    teacher: Any, folder: Path | None, progress: Progress,
) -> TableModels:  # fmt: skip
    """Train networks of tables in the place of `source`, which `teacher` guides.

    Raises Unsupported for models that tables do not stand for, ConfigError for a loss of the user's own.
    """
    if loss is not None:
        raise ConfigError(
            "tables learn from class numbers by cross-entropy and from numbers by the squared error alone",
            where="search",
            remedy="leave loss= out, or use neurons='adders'",
        )
    widths = widths_of(source, options)
    found = table_front(
        widths, splits.train, splits.validation, options, score=score, folder=folder, progress=progress,
        taught=taught_by(teacher, *splits.train) if options.distill else None,
    )  # fmt: skip
    softmax, models = ends_in_softmax(source), list[tuple[Any, str]]()
    for index, network in enumerate(reversed(found.networks)):
        neurons = "-".join(str(np.count_nonzero(layer.alive.any(axis=0))) for layer in network.layers)
        models.append((model_of(network, found.fraction, f"{source.name}_tables{index}", softmax), f"tables {neurons}"))
    return TableModels(tuple(models), found.history, found.epochs)
