"""Who reads whom in a model, and what flows out of each layer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bitwright.core.errors import InvalidModel
from bitwright.train.door import keras, ops
from bitwright.train.rewrite import is_network

__all__ = ["every_network", "followers", "functional_of", "outputs_of", "readings", "values"]


def functional_of(model: Any) -> Any:
    """The functional graph behind a functional or Sequential model, sharing its layers.

    Raises InvalidModel for a Sequential model without an input shape.
    """
    if not isinstance(model, keras.Sequential):
        return model
    if not model.built or model._functional is None:  # pyright: ignore[reportPrivateUsage]
        raise InvalidModel(
            "the model has no input shape yet",
            where=f"model '{model.name}'",
            remedy="begin it with keras.Input(...) or call it once",
        )
    return model._functional  # pyright: ignore[reportPrivateUsage]


def every_network(model: Any) -> Iterator[Any]:
    """`model` and the models nested in it."""
    yield model
    for layer in model.layers:
        if is_network(layer):
            yield from every_network(layer)


def followers(model: Any) -> dict[int, list[Any]]:
    """By the id of each layer: the layers that read it, once per reading; None for a model output."""
    network = functional_of(model)
    found: dict[int, list[Any]] = {id(operation): [] for operation in network.operations}
    for node in _nodes(network):
        for tensor in node.input_tensors:
            found[id(_source(tensor))].append(node.operation)
    for tensor in network.outputs:
        found[id(_source(tensor))].append(None)
    return found


def readings(model: Any) -> Iterator[tuple[Any, list[Any], list[Any]]]:
    """(layer or operation, the tensors it reads, the tensors it yields) in an order in which readers come later."""
    network = functional_of(model)
    for depth in sorted(network._nodes_by_depth, reverse=True):  # pyright: ignore[reportPrivateUsage]
        for node in network._nodes_by_depth[depth]:  # pyright: ignore[reportPrivateUsage]
            yield node.operation, list(node.input_tensors), list(node.output_tensors)


def outputs_of(model: Any, layers: Sequence[Any], x: Any, *, inputs: bool = False) -> list[NDArray[Any]]:
    """What each of `layers` yields (with `inputs`: reads, its first tensor) when the model predicts x."""
    if not layers:
        return []
    network = functional_of(model)
    nodes = {id(node.operation): node for node in _nodes(network)}
    tensors = [(nodes[id(w)].input_tensors if inputs else nodes[id(w)].output_tensors)[0] for w in layers]
    found = keras.Model(network.inputs, tensors).predict(x, verbose=0)
    return [values(part) for part in (found if isinstance(found, list | tuple) else [found])]


def values(tensor: Any) -> NDArray[Any]:
    """A tensor or variable as a numpy array."""
    return np.asarray(ops.convert_to_numpy(tensor))


def _nodes(network: Any) -> Iterator[Any]:
    for nodes in network._nodes_by_depth.values():  # pyright: ignore[reportPrivateUsage]
        yield from nodes


def _source(tensor: Any) -> Any:
    return tensor._keras_history.operation  # pyright: ignore[reportPrivateUsage]
