"""From a model's old configuration to the model: layers are made, then called as the file says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

from bitwright.core.errors import BitwrightError, InvalidModel, Unsupported
from bitwright.frontends.qkeras.layers import inner_of_wrapper, make_layer
from bitwright.frontends.qkeras.objects import Context
from bitwright.frontends.qkeras.operations import Operation
from bitwright.train.door import keras

__all__ = ["Network", "conversions", "make_model"]

Config = dict[str, Any]
Make = Callable[[Config, Context], Any]
Ref = tuple[str, int, int]
_OPERATIONS = {"TFOpLambda", "SlicingOpLambda"}


@dataclass
class Network:
    """The model, and which of its layers each name in the file stands for (nested models inside theirs)."""

    model: Any
    layers: dict[str, Any]
    classes: dict[str, str]
    nested: dict[str, Network] = field(default_factory=dict[str, "Network"])


def make_model(item: Config, context: Context, make: Make = make_layer) -> Network:
    """The network that {"class_name", "config"} describes, with fresh weights.

    `make` gives what a layer's configuration stands for: a layer, or a function of Keras tensors.
    """
    config = item["config"]
    if isinstance(config, list):  # a Sequential of Keras 2.0 to 2.2
        config = {"name": "sequential", "layers": config}
    if "layers" not in config:
        raise Unsupported(
            f"a {item['class_name']} keeps its layers to itself",
            where=context.where,
            why="subclassed models store no graph",
            remedy="build it with keras.Sequential or keras.Model(inputs, outputs) and save again",
        )
    return _Builder(config, context, make).network("input_layers" in config)


def conversions(item: Config, context: Context, make: Make = make_layer) -> Iterator[tuple[str, str, str, Any]]:
    """(name, class in the file, class here, what stands in the way or None) of each layer, nested ones in their place.

    A layer that `make` turns into a function of tensors has no class here: "".
    """
    config = item["config"]
    for part in config if isinstance(config, list) else config.get("layers", ()):
        name, kind = str(part.get("name") or part["config"].get("name")), str(part["class_name"])
        if kind == "InputLayer":
            continue
        if "layers" in part["config"] or isinstance(part["config"], list):
            yield from conversions(part, context, make)
            continue
        builder = _Builder({"layers": [part]}, context, make)
        try:
            builder.make_one(part)
        except BitwrightError as error:
            yield name, kind, "", error
            continue
        layer = builder.made.layers[name]
        yield name, kind, type(layer).__name__ if isinstance(layer, keras.Layer) else "", None


@dataclass
class _Call:
    """One use of a layer: `args` and `kwargs` hold references where tensors come in."""

    args: Any
    kwargs: dict[str, Any]


@dataclass
class _Ref:
    """The tensor that a call of a layer gave."""

    layer: str
    node: int
    tensor: int


class _Builder:
    def __init__(self, config: Config, context: Context, make: Make) -> None:
        self.config, self.context, self.make = config, context, make
        self.made = Network(None, {}, {})
        self.tensors: dict[tuple[str, int], list[Any]] = {}

    def network(self, functional: bool) -> Network:
        for item in self.config["layers"]:
            self.make_one(item)
        name = str(self.config.get("name", "model"))
        self.made.model = self._functional(name) if functional else self._sequential(name)
        return self.made

    def make_one(self, item: Config) -> None:
        """Make the layer that `item` describes."""
        name = str(item.get("name") or item["config"].get("name"))
        inner = inner_of_wrapper(item)
        while inner is not None:
            item, inner = inner, inner_of_wrapper(inner)
        kind = item["class_name"]
        if kind in _OPERATIONS:
            layer: Any = Operation(name, str(item["config"]["function"]), self.context)
        elif "layers" in item["config"] or isinstance(item["config"], list):
            self.made.nested[name] = make_model(item, self.context, self.make)
            layer = self.made.nested[name].model
        elif kind == "InputLayer":
            layer = self._input(item["config"], name)
        else:
            layer = self.make(item, self.context)
        self.made.layers[name], self.made.classes[name] = layer, kind

    def _input(self, config: Config, name: str) -> Any:
        shape, dtype = config.get("batch_input_shape") or config.get("batch_shape"), config.get("dtype")
        if not isinstance(shape, list):
            raise self._unbuilt()
        return keras.Input(batch_shape=tuple(shape), dtype=dtype if isinstance(dtype, str) else None, name=name)

    def _unbuilt(self) -> InvalidModel:
        return InvalidModel(
            "it does not say the shape of its input",
            where=self.context.where,
            remedy="build the model (model.build or keras.Input) before saving it",
        )

    def _sequential(self, name: str) -> Any:
        first = self.config["layers"][0]["config"]
        shape = first.get("batch_input_shape") or first.get("batch_shape")
        shape = shape or self.config.get("build_input_shape")
        model: Any = keras.Sequential(name=name)
        layers = list(self.made.layers.values())
        if isinstance(layers[0], keras.KerasTensor) and not all(isinstance(x, keras.Layer) for x in layers[1:]):
            return keras.Model(layers[0], reduce(lambda tensor, layer: layer(tensor), layers[1:], layers[0]), name=name)
        if not isinstance(layers[0], keras.KerasTensor):
            if shape is None:
                raise self._unbuilt()
            model.add(keras.Input(batch_shape=tuple(shape), name=f"{name}_input"))
        for layer in layers:
            model.add(layer)
        return model

    def _functional(self, name: str) -> Any:
        calls = {str(i.get("name") or i["config"]["name"]): _calls(i.get("inbound_nodes", [])) for i in self._items()}
        first = self._first_nodes(calls)
        for entry, layer in self.made.layers.items():
            if isinstance(layer, keras.KerasTensor):
                self.tensors[entry, 0] = [layer]
        left = [(entry, n, call) for entry, made in calls.items() for n, call in enumerate(made)]
        while left:
            waiting = [use for use in left if not self._call(*use, first[use[0]])]
            if len(waiting) == len(left):
                raise InvalidModel(
                    f"layer '{left[0][0]}' waits for a tensor that nothing makes",
                    where=self.context.where,
                    remedy="save the model again",
                )
            left = waiting
        inputs, outputs = (self._ends(self.config[key]) for key in ("input_layers", "output_layers"))
        return keras.Model(inputs, outputs, name=name)

    def _items(self) -> list[Config]:
        return self.config["layers"]

    def _first_nodes(self, calls: dict[str, list[_Call]]) -> dict[str, int]:
        """The number of each layer's first call: nested models count the call within themselves."""
        used: dict[str, list[int]] = {}
        ends = [*_refs(_tree(self.config["input_layers"])), *_refs(_tree(self.config["output_layers"]))]
        inner = [ref for made in calls.values() for call in made for ref in _refs([call.args, call.kwargs])]
        for ref in (*ends, *inner):
            used.setdefault(ref.layer, []).append(ref.node)
        return {name: min(used.get(name, [0])) if calls[name] else 0 for name in calls}

    def _call(self, name: str, number: int, call: _Call, first: int) -> bool:
        """Call layer `name` if all that it reads is there; a layer's calls keep their order."""
        if number and (name, first + number - 1) not in self.tensors:
            return False
        if any((ref.layer, ref.node) not in self.tensors for ref in _refs([call.args, call.kwargs])):
            return False
        try:
            out = self.made.layers[name](*self._filled(call.args), **self._filled(call.kwargs))
        except BitwrightError:
            raise
        except Exception as error:  # Keras raises whatever a backend raises on shapes that do not fit
            raise InvalidModel(
                f"it cannot be called: {str(error).splitlines()[0] if str(error) else type(error).__name__}",
                where=self.context.at(name),
                remedy="check the shapes in the file, or save it again",
            ) from error
        self.tensors[name, first + number] = list(out) if isinstance(out, list | tuple) else [out]
        return True

    def _filled(self, tree: Any) -> Any:
        if isinstance(tree, _Ref):
            return self.tensors[tree.layer, tree.node][tree.tensor]
        if isinstance(tree, list):
            return [self._filled(item) for item in tree]
        if isinstance(tree, dict):
            return {key: self._filled(item) for key, item in tree.items()}
        return tree

    def _ends(self, told: Any) -> Any:
        found = self._filled(_tree(told))
        return found[0] if isinstance(found, list) and len(found) == 1 else found


# ---- how files write calls ---------------------------------------------------------------------------


def _calls(nodes: list[Any]) -> list[_Call]:
    """The calls of a layer: Keras 3 writes {"args", "kwargs"}, Keras 2 lists of [layer, node, tensor, kwargs]."""
    return [_modern(node) if isinstance(node, dict) else _old(node) for node in nodes]


def _modern(node: Config) -> _Call:
    kwargs = {key: item for key, item in _tree(node.get("kwargs", {})).items() if item is not None}
    return _Call(_tree(node["args"]), kwargs)


def _old(node: list[Any]) -> _Call:
    entries = [node] if node and isinstance(node[0], str) else node
    told = entries[0][3] if len(entries[0]) > 3 and isinstance(entries[0][3], dict) else {}
    first = [_first(entry) for entry in entries]
    kwargs = {key: _tree(item) for key, item in told.items() if item is not None}
    return _Call([first[0] if len(first) == 1 else first], kwargs)


def _first(entry: list[Any]) -> Any:
    # An operation on a constant: ["_CONSTANT_VALUE", -1, 2.0, {"y": [...]}].
    return entry[2] if entry[0] == "_CONSTANT_VALUE" else _Ref(str(entry[0]), int(entry[1]), int(entry[2]))


def _tree(told: Any) -> Any:
    """A structure with every way of writing a tensor replaced by a reference."""
    if isinstance(told, dict):
        if told.get("class_name") == "__keras_tensor__":
            layer, node, tensor = told["config"]["keras_history"]
            return _Ref(layer, node, tensor)
        return {key: _tree(item) for key, item in told.items()}
    if isinstance(told, list):
        if len(told) in (3, 4) and isinstance(told[0], str) and all(type(n) is int for n in told[1:3]):
            return _first(told)
        return [_tree(item) for item in told]
    return told


def _refs(tree: Any) -> Iterator[_Ref]:
    if isinstance(tree, _Ref):
        yield tree
    elif isinstance(tree, dict | list):
        for item in tree.values() if isinstance(tree, dict) else tree:
            yield from _refs(item)
