"""From a configuration to the quantized model that it means, its ranges set from data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bitwright.search.autoqkeras.resize import copy_overlap, decides_output, resized
from bitwright.search.autoqkeras.walk import FILTERS
from bitwright.search.sensitivity.options import Sensitivity
from bitwright.search.sensitivity.sites import INPUT, Network, Widths, explored, quantized
from bitwright.search.space import Choice, Configuration, Space, checked
from bitwright.search.trials.options import Trials
from bitwright.train.calibrate import calibrate
from bitwright.train.rewrite import every_layer, plain_config, rebuilt, same
from bitwright.train.spec import get_quantizer

__all__ = ["LEARNING_RATE", "Recipe", "recipe_of"]

LEARNING_RATE = "learning_rate"
_ALL_FILTERS = "filters"
_RESIZED = ("Dense", "Conv1D", "Conv2D", "Conv2DTranspose")
_WORDED = (*_RESIZED, "DepthwiseConv2D")
"""Classes whose weights may have any quantizer; the others' have widths."""
_FIRST = 8
"""The width that stands for a quantizer until this one is put there."""


@dataclass(frozen=True, eq=False)
class Recipe:
    """A float model, its sites, and what may be chosen there. x: samples that set ranges."""

    model: Any
    x: Any
    network: Network
    options: Trials
    space: Space

    def build(self, configuration: Configuration) -> Any:
        """The quantized model with the weights of the float model."""
        source = self._resized(configuration)
        kinds = {name: configuration[_weights(name)] for name in self.network.weights}
        words = {name: kind for name, kind in kinds.items() if isinstance(kind, str)}
        widths = Widths(
            {name: kind if isinstance(kind, int) else _FIRST for name, kind in kinds.items()},
            {name: _width(configuration[_activations(name)]) for name in self.network.activations},
        )
        made = quantized(source, widths, self.x, sensitivity_of(self.options))
        return calibrate(_worded(made, words) if words else made, self.x)

    def meaning(self, widths: Widths) -> Configuration:
        """The configuration of these widths, everything else as it is in the float model."""
        chosen: dict[str, Any] = {choice.name: choice.options[0] for choice in self.space}
        chosen |= {name: 1.0 for name in chosen if name == _ALL_FILTERS or name.endswith(f" {_ALL_FILTERS}")}
        chosen |= {_weights(name): widths.weights[name] for name in self.network.weights}
        return chosen | {_activations(name): widths.activations[name] for name in self.network.activations}

    def _resized(self, configuration: Configuration) -> Any:
        factors: dict[str, float] = {}
        for layer in every_layer(self.model):
            told = configuration.get(_filters(layer.name), configuration.get(_ALL_FILTERS))
            if told not in (None, 1.0) and _filters(layer.name) in self._sized:
                factors[layer.name] = float(told)
        if not factors:
            return self.model
        made = resized(self.model, factors)
        copy_overlap(self.model, made)
        return made

    @property
    def _sized(self) -> set[str]:
        return {_filters(name) for name in _resizable(self.model)}


def recipe_of(model: Any, x: Any, options: Trials) -> Recipe:
    """What trials of `model` choose; x are samples of its inputs.

    Raises InvalidModel for a model without a kernel, and what `quantize` raises.
    """
    network = explored(model, x, sensitivity_of(options))
    kinds = {layer.name: type(layer).__name__ for layer in every_layer(model)}
    choices = [Choice(_weights(name), _offered(kinds[name], options)) for name in network.weights]
    for name in network.activations:
        widths = options.inputs if name == INPUT and options.inputs else options.activations
        choices.append(Choice(_activations(name), tuple(widths)))
    if options.tune_filters == "block":
        choices.append(Choice(_ALL_FILTERS, FILTERS))
    elif options.tune_filters == "layer":
        choices += [Choice(_filters(name), FILTERS) for name in _resizable(model)]
    if len(options.learning_rates) > 1:
        choices.append(Choice(LEARNING_RATE, options.learning_rates))
    return Recipe(model, x, network, options, checked(choices))


def sensitivity_of(options: Trials) -> Sensitivity:
    """The options of the first guess."""
    inputs = options.inputs or options.activations
    return Sensitivity(
        weights=options.widths or (_FIRST,), activations=tuple(sorted(set(options.activations))),
        inputs=tuple(sorted(set(inputs))), samples=options.samples, seed=options.seed,
    )  # fmt: skip


def _offered(kind: str, options: Trials) -> tuple[int | str, ...]:
    """What the weights of a layer of this class may be."""
    return options.weights if kind in _WORDED else options.widths or (_FIRST,)


def _resizable(model: Any) -> list[str]:
    fixed = decides_output(model, _RESIZED)
    return [one.name for one in every_layer(model) if type(one).__name__ in _RESIZED and one.name not in fixed]


def _worded(model: Any, words: Mapping[str, str]) -> Any:
    """`model` with these quantizers on the kernels of the named layers."""

    def renewed(layer: Any) -> Any:
        if layer.name not in words:
            return same(layer)
        kernels = {role.quantizer: get_quantizer(words[layer.name]) for role in layer.roles if role.is_kernel}
        return type(layer).from_config({**plain_config(layer), **kernels})

    return rebuilt(model, renewed).carry_weights()


def _weights(name: str) -> str:
    return f"{name} weights"


def _activations(name: str) -> str:
    return f"{name} activations"


def _filters(name: str) -> str:
    return f"{name} {_ALL_FILTERS}"


def _width(chosen: Any) -> int:
    return int(chosen)
