"""`AutoQKerasScheduler`: the layers of a model quantized block by block, each with what came before frozen.

Source: google/qkeras, autoqkeras/autoqkeras_internal.py.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from bitwright.core.errors import ConfigError, InvalidValue
from bitwright.core.files import write_atomic
from bitwright.search.autoqkeras.arguments import Tuning
from bitwright.search.autoqkeras.autoqk import AutoQKeras, unused_folder
from bitwright.search.autoqkeras.hypermodel import AutoQKHyperModel
from bitwright.search.scores import ForgivingFactor, goal_of
from bitwright.search.trial import seed_of
from bitwright.train.utilities.files import load_model

__all__ = ["AutoQKerasScheduler", "Block"]

LEAST_TRIALS = 10
"""Of a block, however small its share of the cost is."""


@dataclass(frozen=True)
class Block:
    """The layers that a regular expression matches, and their cost in the reference, in the goal's unit."""

    pattern: str
    layers: tuple[str, ...]
    cost: float


class AutoQKerasScheduler:
    """Searches one block of layers after the other; see `AutoQKeras` for the other arguments.

    blocks: regular expressions over layer names; a layer belongs to the first that matches it. schedule_block:
    "sequential" (as listed) or "cost" (the most costly one first). max_trials is for the whole model: a block gets its
    share of the cost, and at least 10. After a block its best model is kept: its layers are frozen with their trained
    weights in the blocks to come. debug: `fit` prints the blocks and their costs and does nothing.

    In `output_dir`: block_<i> (the study), model_block_<i>.keras, scheduler.json; with overwrite=False a search that
    was ended goes on with the trial in which it was. `get_best_model()` is the model of the last block, all layers
    trainable again; `get_history()` has one `AutoQKeras.history()` for each block.
    """

    def __init__(
        self,
        model: Any,
        metrics: Any = None,
        custom_objects: Mapping[str, Any] | None = None,
        goal: ForgivingFactor | Mapping[str, Any] | None = None,
        output_dir: str | Path = "result",
        mode: Literal["random", "bayesian", "hyperband"] = "random",
        transfer_weights: bool = False,
        activation_bits: int = 4,
        limit: Mapping[str, Any] | None = None,
        tune_filters: Literal["none", "layer", "block"] = "none",
        tune_filters_exceptions: str | None = None,
        layer_indexes: Collection[int] | None = None,
        learning_rate_optimizer: bool = False,
        blocks: Sequence[str] | None = None,
        schedule_block: Literal["sequential", "cost"] = "sequential",
        quantization_config: Mapping[str, Mapping[str, int]] | None = None,
        overwrite: bool = True,
        debug: bool = False,
        head_name: str | None = None,
        score_metric: str | None = None,
        **tuner_kwargs: Any,
    ) -> None:
        self.model, self.metrics, self.target, self.debug = model, metrics, goal_of(goal), debug
        self.custom_objects = dict(custom_objects or {})
        self.mode: Literal["random", "bayesian", "hyperband"] = mode
        self.tuner_kwargs = dict(tuner_kwargs)
        self.tuning = Tuning.of(mode, tuner_kwargs)
        self.searched: dict[str, Any] = {
            "transfer_weights": transfer_weights, "activation_bits": activation_bits, "limit": limit,
            "tune_filters": tune_filters, "tune_filters_exceptions": tune_filters_exceptions,
            "learning_rate_optimizer": learning_rate_optimizer, "quantization_config": quantization_config,
            "head_name": head_name,
        }  # fmt: skip
        self.score_metric = score_metric
        self.reference_size = self.target.get_reference(model)
        self.blocks = self._blocks(list(blocks or ()), schedule_block, layer_indexes)
        self._check_blocks()
        self.output_dir = unused_folder(Path(self.tuning.directory or ".") / output_dir, overwrite)
        self.history: list[dict[str, list[float]]] = []
        self.learning_rates: list[float] = []
        self.best: Any = None

    def fit(self, *args: Any, **kwargs: Any) -> None:
        """Search all blocks; the arguments are those of `model.fit`, for every trial."""
        if self.debug:
            lines = [f"{block.pattern}: {', '.join(block.layers)} (cost {block.cost:g})" for block in self.blocks]
            sys.stdout.write("\n".join([*lines, f"reference: {self.reference_size:g}"]) + "\n")
            return
        begin = self._resume()
        for place in range(begin, len(self.blocks)):
            self._search(place, args, kwargs)
        self._thaw()

    def get_history(self) -> list[dict[str, list[float]]]:
        """What `AutoQKeras.history()` told after each block."""
        return self.history

    def get_best_model(self) -> Any:
        """The model with all blocks quantized, compiled like the float model."""
        if self.best is None:
            raise InvalidValue("nothing was searched", where="AutoQKerasScheduler", remedy="call fit(...) first")
        return self.best

    def get_learning_rate(self) -> float:
        """The learning rate of the last block's best trial; NaN before there is one."""
        return self.learning_rates[-1] if self.learning_rates else float("nan")

    def _blocks(self, patterns: list[str], order: str, places: Collection[int] | None) -> list[Block]:
        if order not in ("sequential", "cost"):
            raise ConfigError(
                f"schedule_block={order!r}", where="AutoQKerasScheduler", remedy="use 'sequential' or 'cost'"
            )
        groups: dict[str, list[str]] = {pattern: [] for pattern in patterns}
        for place, layer in enumerate(self.model.layers):
            first = next((pattern for pattern in patterns if re.match(pattern, layer.name)), None)
            if first is not None and (not places or place in places):
                groups[first].append(layer.name)
        costs = self.target.get_reference_stats()
        blocks = [
            Block(pattern, tuple(names), sum(float(costs[name]["total"]) for name in names if name in costs))
            for pattern, names in groups.items()
        ]
        return sorted(blocks, key=lambda block: -block.cost) if order == "cost" else blocks

    def _check_blocks(self) -> None:
        """Every block must have something to choose, which is better known before the first is trained."""
        if not self.blocks:
            remedy = 'give regular expressions, such as blocks=["^conv.*", "^dense.*"]'
            raise ConfigError("there are no blocks", where="AutoQKerasScheduler", remedy=remedy)
        for block in self.blocks:
            where = f"block {block.pattern!r}"
            if not block.layers:
                names = ", ".join(layer.name for layer in self.model.layers)
                raise ConfigError("it matches no layer", where=where, why=f"the layers are {names}")
            told: dict[str, Any] = {**self.searched, "layer_indexes": self._indexes(self.model, block)}
            try:
                AutoQKHyperModel(self.model, self.metrics, self.custom_objects, self.target, **told).space()
            except ConfigError as error:
                raise ConfigError(error.what, where=where, why=error.why, remedy=error.remedy) from error

    def _indexes(self, model: Any, block: Block) -> list[int]:
        return [place for place, layer in enumerate(model.layers) if layer.name in block.layers]

    def _search(self, place: int, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        block, model = self.blocks[place], self.model if self.best is None else self.best
        told: dict[str, Any] = {**self.tuner_kwargs, "seed": seed_of(self.tuning.seed or 0, place), "directory": None}
        if self.tuning.max_trials is not None:
            told["max_trials"] = self._trials(block)
        frozen = [name for earlier in self.blocks[:place] for name in earlier.layers]
        search = AutoQKeras(
            model,
            self.metrics,
            self.custom_objects,
            self.target,
            self.output_dir / f"block_{place}",
            self.mode,
            frozen_layers=frozen,
            layer_indexes=self._indexes(model, block),
            overwrite=False,
            score_metric=self.score_metric,
            **self.searched,
            **told,
        )
        search.fit(*args, **kwargs)
        best = search.get_best_model()
        self.history.append(search.history())
        self.learning_rates.append(search.get_learning_rate())
        self.best = self._kept(best)
        self._write(place + 1)

    def _trials(self, block: Block) -> int:
        share = block.cost / self.reference_size
        return int(max(LEAST_TRIALS, int(self.tuning.max_trials or 0) * share))

    def _kept(self, model: Any) -> Any:
        """Compiled as the float model was: with its learning rate, not the one that a trial chose."""
        told = dict(self.model._compile_config.config)  # pyright: ignore[reportPrivateUsage]
        optimizer = self.model.optimizer
        model.compile(**{**told, "optimizer": type(optimizer).from_config(optimizer.get_config())})
        return model

    def _thaw(self) -> None:
        for layer in self.best.layers:
            layer.trainable = self.model.get_layer(layer.name).trainable
        self._kept(self.best)

    def _write(self, done: int) -> None:
        path = self.output_dir / f"model_block_{done - 1}.keras"
        partial = path.with_name(f"partial_{path.name}")
        self.best.save(partial)
        partial.replace(path)
        state = {
            "schema": 1,
            "blocks": [block.pattern for block in self.blocks],
            "next_block": done,
            "learning_rates": self.learning_rates,
            "history": self.history,
        }
        write_atomic(self.output_dir / "scheduler.json", json.dumps(state, indent=1) + "\n")

    def _resume(self) -> int:
        """The block to begin with; what an earlier run found is read."""
        path = self.output_dir / "scheduler.json"
        if not path.exists():
            return 0
        state = json.loads(path.read_text())
        patterns = [block.pattern for block in self.blocks]
        if state["blocks"] != patterns:
            raise ConfigError(
                f"the search there has the blocks {state['blocks']}, not {patterns}",
                where=str(self.output_dir),
                remedy="give the same blocks to go on, or another output_dir",
            )
        done = int(state["next_block"])
        self.history, self.learning_rates = list(state["history"]), list(state["learning_rates"])
        model = load_model(self.output_dir / f"model_block_{done - 1}.keras", self.custom_objects, compile=False)
        self.best = self._kept(model)
        return done
