"""`AutoQKHyperModel`: from choices to a compiled, quantized model whose score is the forgiving factor's.

Source: google/qkeras, autoqkeras/autoqkeras_internal.py.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Literal

from bitwright.core.errors import ConfigError, InvalidModel
from bitwright.search.autoqkeras.choosing import Chooser, Recorder, chooser
from bitwright.search.autoqkeras.config import default_quantization_config
from bitwright.search.autoqkeras.limits import Limits
from bitwright.search.autoqkeras.metrics import Score, TrialSize, copied
from bitwright.search.autoqkeras.resize import copy_overlap, resized
from bitwright.search.autoqkeras.walk import Plan, Slots
from bitwright.search.scores import ForgivingFactor, goal_of
from bitwright.search.space import Configuration, Space
from bitwright.train.door import keras
from bitwright.train.utilities.dictionary import model_quantize

__all__ = ["RATES", "AutoQKHyperModel"]

RATES = 5
"""How many learning rates are offered."""


class AutoQKHyperModel:
    """Builds trials of `model`, which is compiled (its loss, optimizer and learning rate are the trials').

    metrics: a list, or a dictionary by output; the first one (of output `head_name`) is the score's. target: the
    forgiving factor. transfer_weights: trials start from the weights of `model`; frozen_layers always do, and are not
    trained. activation_bits: of activations inside layers that nothing else quantizes. limit, quantization_config:
    see `Limits` and `default_quantization_config`. tune_filters: "none", one factor for all layers ("block") or one for
    each ("layer"); tune_filters_exceptions is a regular expression, and layers that set the number of outputs are never
    changed. layer_indexes: places in `model.layers` that take part (None: all). learning_rate_optimizer: the learning
    rate is a choice too. extend_model_metrics: trials show "trial" (their size) and "score".
    """

    def __init__(
        self,
        model: Any,
        metrics: Any,
        custom_objects: Mapping[str, Any] | None = None,
        target: ForgivingFactor | Mapping[str, Any] | None = None,
        transfer_weights: bool = False,
        frozen_layers: Collection[str] | None = None,
        activation_bits: int = 4,
        limit: Mapping[str, Any] | None = None,
        tune_filters: Literal["none", "layer", "block"] = "none",
        tune_filters_exceptions: str | None = None,
        layer_indexes: Collection[int] | None = None,
        learning_rate_optimizer: bool = False,
        head_name: str | None = None,
        quantization_config: Mapping[str, Mapping[str, int]] | None = None,
        extend_model_metrics: bool = True,
    ) -> None:
        _check(model, learning_rate_optimizer)
        self.model, self.metrics, self.custom_objects = model, metrics or ["acc"], dict(custom_objects or {})
        self.target = goal_of(target)
        self.reference_size = self.target.get_reference(model)
        self.trial_size: float | None = None
        self.transfer_weights, self.frozen_layers = transfer_weights, list(frozen_layers or ())
        self.activation_bits, self.head_name = activation_bits, head_name
        self.learning_rate_optimizer, self.extend_model_metrics = learning_rate_optimizer, extend_model_metrics
        classes = {type(layer).__name__ for layer in model.layers}
        self.slots = Slots(
            model,
            Limits(limit, tuple(classes)),
            quantization_config or default_quantization_config,
            tune_filters,
            tune_filters_exceptions,
            layer_indexes,
        )

    def space(self) -> Space:
        """Every choice that `build` asks for; learning rates by their place, as they depend on the trial's size."""
        recorder = Recorder()
        self.slots.plan(recorder)
        if self.learning_rate_optimizer:
            recorder.Choice("learning_rate", tuple(range(RATES)))
        if not recorder.choices:
            raise ConfigError(
                "there is nothing to choose",
                where="AutoQKeras",
                why="no layer has a limit",
                remedy='give limit={"Dense": [8, 8, 4], "Activation": [4]}, for instance, or None for all layers',
            )
        return recorder.space

    def quantize_model(self, hp: Chooser | Configuration) -> Any:
        """The quantized model, its layers frozen and its weights transferred as told, not compiled."""
        return self._quantized(self.slots.plan(chooser(hp)))

    def build(self, hp: Chooser | Configuration, *, final: bool = False) -> Any:
        """The quantized model, compiled like `model`, with the metrics of a trial; if `final`, the user's alone.

        hp: a configuration of `space()`, or anything with keras-tuner's `Choice(name, values, default=)`.
        """
        answers = chooser(hp)
        model = self._quantized(self.slots.plan(answers))
        self.trial_size = self.target.get_trial(model)
        told = dict(self.model._compile_config.config)  # pyright: ignore[reportPrivateUsage]
        rate = self._learning_rate(answers, isinstance(hp, Mapping))
        told["optimizer"] = _same_optimizer(self.model.optimizer, rate)
        extended = self.extend_model_metrics and not final
        told["metrics"] = self._extended(self.target.delta()) if extended else copied(self.metrics)
        told["weighted_metrics"] = copied(told.get("weighted_metrics"))
        model.compile(**told)
        return model

    __call__ = build

    def _quantized(self, plan: Plan) -> Any:
        source = resized(self.model, plan.factors) if plan.factors else self.model
        model = model_quantize(source, plan.quantizers, self.activation_bits, self.custom_objects)
        copy_overlap(self.model, model, None if self.transfer_weights else self.frozen_layers)
        for layer in model.layers:
            if layer.name in self.frozen_layers:
                layer.trainable = False
        return model

    def _learning_rate(self, hp: Chooser, by_place: bool) -> float | None:
        """The chosen rate, None for the model's own: a model with less room to learn may want a lower one."""
        if not self.learning_rate_optimizer:
            return None
        rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        low, high = 1.0 + min(0.0, self.target.get_total_factor()), 1.1
        rates = [rate * (low + (high - low) * place / (RATES - 1)) for place in range(RATES)]
        return rates[hp.Choice("learning_rate", tuple(range(RATES)))] if by_place else hp.Choice("learning_rate", rates)

    def _extended(self, delta: float) -> Any:
        metrics = copied(self.metrics)
        if not isinstance(metrics, dict):
            listed = metrics if isinstance(metrics, list) else [metrics]
            return [*listed, TrialSize(self.trial_size or 0.0), Score(listed[0], delta)]
        head = self.head_name or next(iter(metrics))
        if head not in metrics:
            raise ConfigError(
                f"there are no metrics for {head!r}", where="head_name", remedy=f"use one of {', '.join(metrics)}"
            )
        listed = metrics[head] if isinstance(metrics[head], list) else [metrics[head]]
        return {**metrics, head: [*listed, TrialSize(self.trial_size or 0.0), Score(listed[0], delta)]}


def _check(model: Any, tunes_rate: bool) -> None:
    if not getattr(model, "compiled", False):
        raise InvalidModel(
            "the model is not compiled",
            where=f"model '{getattr(model, 'name', model)}'",
            remedy='call model.compile(optimizer=..., loss=..., metrics=["acc"]) first',
        )
    rate = model.optimizer.get_config().get("learning_rate")
    if tunes_rate and not isinstance(rate, int | float):
        raise ConfigError(
            "the learning rate is a schedule",
            where="learning_rate_optimizer",
            remedy="compile the model with a number, or leave learning_rate_optimizer out",
        )


def _same_optimizer(optimizer: Any, rate: float | None) -> Any:
    config = optimizer.get_config()
    if rate is not None:
        config["learning_rate"] = rate
    return type(optimizer).from_config(config)
