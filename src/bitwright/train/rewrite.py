"""Rebuilding a model with other layers in the place of its own: the one mechanism behind every conversion."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from bitwright.core.errors import InvalidModel, Unsupported
from bitwright.train.door import keras

__all__ = ["Rebuilt", "carry_weights", "every_layer", "is_network", "plain_config", "rebuilt", "same"]

Replace = Callable[[Any], Any]


@dataclass(frozen=True)
class Rebuilt:
    """A rebuilt `model`, and `pairs`: each layer of the old model with what stands for it (None: nothing)."""

    model: Any
    pairs: list[tuple[Any, Any]] = field(default_factory=list[tuple[Any, Any]])

    def carry_weights(self, carry: Callable[[Any, Any], None] | None = None) -> Any:
        """Give the new layers the weights of the old ones; returns the new model.

        `carry(old, new)` does it in the place of `carry_weights` where given. Raises InvalidModel,
        naming the layer, if the new layer's weights have other shapes.
        """
        for old, new in self.pairs:
            if new is not None and old.weights and (new.built or new.weights):
                (carry or carry_weights)(old, new)
        return self.model


def rebuilt(model: Any, replace: Replace, entrance: Replace | None = None) -> Rebuilt:
    """A copy of `model` in which `replace(layer)` stands where each layer stood.

    model: Sequential (stays Sequential) or functional; nested models are rebuilt as well, and shared
    layers stay shared. `replace` returns a new layer, or None to leave the layer out: its input is
    then passed on. `entrance(tensor)`, for functional models, returns what the layers see in the place
    of a model input. The copy is not compiled, the old model is not changed, and weights are fresh:
    see `carry_weights`.

    Raises Unsupported for a subclassed model, whose structure is not known.
    """
    made: dict[int, Any] = {}
    result = Rebuilt(None)

    def new(layer: Any) -> Any:
        if id(layer) not in made:
            if is_network(layer):
                made[id(layer)] = _network(layer, new, None)
            else:
                made[id(layer)] = replace(layer) if isinstance(layer, keras.Layer) else same(layer)
                if isinstance(layer, keras.Layer):
                    result.pairs.append((layer, made[id(layer)]))
        return made[id(layer)]

    return Rebuilt(_network(model, new, entrance), result.pairs)


def same(layer: Any) -> Any:
    """A new layer (or operation) with the same configuration.

    Raises Unsupported, naming the layer, when its class cannot be made from its configuration.
    """
    if isinstance(layer, keras.layers.Lambda):
        # Its configuration holds code, which Keras rightly refuses to load from files; this one is at hand.
        more = {"output_shape": layer._output_shape, "mask": layer.mask, "arguments": layer.arguments}  # pyright: ignore[reportPrivateUsage]
        return type(layer)(layer.function, name=layer.name, dtype=layer.dtype_policy, **more)
    try:
        return type(layer).from_config(layer.get_config())
    except (TypeError, ValueError, NotImplementedError) as error:
        raise Unsupported(
            f"{type(layer).__name__} cannot be copied",
            where=f"layer '{layer.name}'",
            why=str(error).splitlines()[0],
            remedy="let its get_config() return every argument of its constructor",
        ) from error


def plain_config(layer: Any) -> dict[str, Any]:
    """The layer's configuration without what only float layers take (low-rank adapters, Keras's own int8)."""
    config: dict[str, Any] = layer.get_config()
    for dropped in ("lora_rank", "lora_alpha", "quantization_config", "gptq_unpacked_column_size"):
        config.pop(dropped, None)
    return config


def every_layer(model: Any) -> Iterator[Any]:
    """The layers of `model` in their order, those of nested models in the place of these; each once."""
    seen = set[int]()

    def walk(network: Any) -> Iterator[Any]:
        for layer in network.layers:
            if is_network(layer):
                yield from walk(layer)
            elif id(layer) not in seen:
                seen.add(id(layer))
                yield layer

    return walk(model)


class _Gone:
    """Stands in the graph where a layer is left out."""

    def __call__(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        return x


def is_network(layer: Any) -> bool:
    """Whether it is a model of which the wiring is known: Sequential, or functional without a call of its own."""
    # The class of what keras.Model(inputs, outputs) returns has no public name; a subclass with a `call`
    # of its own may compute anything.
    functional = next((kind for kind in type(layer).__mro__ if kind.__name__ == "Functional"), None)
    return isinstance(layer, keras.Sequential) or (functional is not None and type(layer).call is functional.call)


def _network(model: Any, new: Replace, entrance: Replace | None) -> Any:
    if not is_network(model):
        raise Unsupported(
            "only Sequential and functional models can be rebuilt layer by layer",
            where=f"model '{getattr(model, 'name', model)}'",
            remedy="write it with keras.Input and keras.Model, or use Q layers by hand",
        )
    if isinstance(model, keras.Sequential):
        layers = [layer for layer in map(new, model.layers) if layer is not None]
        return keras.Sequential(_entry(model) + layers, name=model.name, trainable=model.trainable)
    return _functional(model, new, entrance)


def _entry(model: Any) -> list[Any]:
    """The Input of a Sequential model, if it declares one."""
    if not model.built or not getattr(model, "inputs", None):
        return []
    tensor = model.inputs[0]
    return [keras.Input(batch_shape=tensor.shape, dtype=tensor.dtype, name=tensor.name)]


def _functional(model: Any, new: Replace, entrance: Replace | None) -> Any:
    def clone(layer: Any) -> Any:
        replacement = new(layer)
        return _Gone() if replacement is None else replacement

    def apply(layer: Any, *args: Any, **kwargs: Any) -> Any:
        args, kwargs = keras.tree.map_structure(lambda x: seen.get(id(x), x), (args, kwargs))
        return layer(*args, **kwargs)

    inputs = keras.tree.map_structure(
        lambda tensor: keras.Input(batch_shape=tensor.shape, dtype=tensor.dtype, name=tensor.name), model.input
    )
    tensors = keras.tree.flatten(inputs)
    seen = {} if entrance is None else {id(tensor): entrance(tensor) for tensor in tensors}
    # A copy of the wiring alone: cloning a compiled model would need its losses to be serializable.
    wiring = keras.Model(model.input, model.output, name=model.name) if model.compiled else model
    return keras.models.clone_model(wiring, input_tensors=inputs, clone_function=clone, call_function=apply)


def carry_weights(old: Any, new: Any) -> None:
    """Set the weights of `new` to those of `old`; InvalidModel if they do not fit."""
    try:
        new.set_weights(old.get_weights())
    except ValueError as error:
        raise InvalidModel(
            f"the weights do not fit into {type(new).__name__}",
            where=f"layer '{old.name}'",
            why=str(error),
            remedy="convert without transferring weights",
        ) from error
