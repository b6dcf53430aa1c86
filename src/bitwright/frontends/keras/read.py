"""Keras models in: load files safely, check what cannot mean hardware, walk, return the graph."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from inspect import signature
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers as kl
from keras import ops

from bitwright.core.errors import BitwrightError, InvalidModel, Unsupported
from bitwright.frontends.grid.reading import Reading
from bitwright.frontends.grid.walk import Declared, InputFormat, Lazy, Walk
from bitwright.frontends.keras import (  # their rules  # noqa: F401
    attention,  # pyright: ignore[reportUnusedImport]
    edge_tables,  # pyright: ignore[reportUnusedImport]
    fixed_point,  # pyright: ignore[reportUnusedImport]
    recurrent,  # pyright: ignore[reportUnusedImport]
    staged,  # pyright: ignore[reportUnusedImport]
    table_neurons,  # pyright: ignore[reportUnusedImport]
    tables,  # pyright: ignore[reportUnusedImport]
)
from bitwright.frontends.keras.elementwise import evaluate
from bitwright.frontends.keras.rules import lower
from bitwright.ir.interface import Decoder
from bitwright.numeric import Format
from bitwright.train.quantizers.held import quantizers_of

__all__ = [
    "Reading", "check_layer", "functional_of", "load_model", "nodes_of", "opened", "output_names", "read_model",
    "read_node", "walk_of",
]  # fmt: skip

_MERGING = (
    kl.Add, kl.Average, kl.Concatenate, kl.Maximum, kl.Minimum, kl.Multiply, kl.Subtract, kl.MultiHeadAttention,
)  # fmt: skip


def load_model(path: str | Path) -> Any:
    """A `.keras` file as a model, in Keras's safe mode: no code from the file is run."""
    file = Path(path)
    if not file.exists():
        raise InvalidModel("no such file", where=str(file), remedy="give the path of a .keras file")
    if file.suffix != ".keras":
        raise Unsupported(f"files ending in {file.suffix!r}", where=str(file), remedy="save it as .keras")
    # Importing it registers the layers that the file names.
    import bitwright.train.layers  # noqa: F401  # pyright: ignore[reportUnusedImport]

    try:
        return keras.models.load_model(file, compile=False, safe_mode=True)
    except BitwrightError:
        raise
    except Exception as error:  # Keras raises whatever its archive code raises; all of it means "unreadable"
        raise InvalidModel(
            "Keras cannot read it",
            where=str(file),
            why=str(error).splitlines()[0] if str(error) else type(error).__name__,
            remedy="save it again with model.save('name.keras'), without Lambda layers or custom code",
        ) from error


def read_model(
    model: Any,
    *,
    input_format: Any = None,
    output_format: str | Format | None = None,
    name: str = "",
    writable: Mapping[str, Declared] | None = None,
) -> Reading:
    """The integer graph of `model`.

    input_format: grid of inputs without a quantizer, "s8.3", a Format, or (format, step).
    output_format: grid on which an output without an exact one is rounded, half-even.
    writable: layers whose numbers may change at run time, with the bits of weights and biases ("*": every layer).
    Raises `Unsupported`, `InvalidModel` or `Inexact` naming the layer and the way out.
    """
    functional = functional_of(model)
    for layer in _layers(functional):
        check_layer(layer)
    told = None if output_format is None else _format(output_format)
    walk, sources = walk_of(functional, input_format)
    walk.writable = writable or {}
    kinds: dict[str, str] = {}
    outputs = _inline(functional, walk, sources, kinds)
    positions: list[int] = []
    decoders: list[Decoder] = []
    for lazy, label in zip(outputs, output_names(functional), strict=True):
        position, head = walk.output(lazy, None if told is None else told.step, label)
        positions.append(position)
        decoders.append(Decoder(walk.type(position).step, head))
    graph = walk.builder.graph(name or functional.name, positions)
    return Reading(graph, tuple(walk.encoders), tuple(decoders), tuple(walk.findings), kinds)


def walk_of(functional: Any, input_format: Any) -> tuple[Walk, list[Lazy]]:
    """A walk with the inputs of a functional model, and these inputs."""
    formatted = None if input_format is None else InputFormat.of(input_format)
    shapes = {i: _shape(t) for i, t in enumerate(functional.inputs)}
    return Walk(formatted, shapes, evaluate), [Lazy(shapes[i], None, source=i) for i in shapes]


def _format(told: str | Format) -> Format:
    return Format.parse(told) if isinstance(told, str) else told


def functional_of(model: Any) -> Any:
    """The functional graph of a Sequential or functional model; raises for anything else."""
    own = isinstance(model, keras.Model) and type(model).call.__qualname__ not in ("Sequential.call", "Functional.call")
    if isinstance(model, keras.Sequential) and not own:
        if not model.built:
            raise InvalidModel(
                "the model is not built", where=model.name, remedy="begin it with keras.Input(shape) or call it once"
            )
        return model._functional  # pyright: ignore[reportPrivateUsage]
    if isinstance(model, keras.Model) and hasattr(model, "_nodes_by_depth") and not own:
        return model
    raise Unsupported(
        f"a {type(model).__name__} is no Sequential or functional Keras model",
        where=str(getattr(model, "name", "")),
        why="its call may compute anything" if own else "",
        remedy="build it with keras.Sequential or keras.Model(inputs, outputs)",
    )


def _shape(tensor: Any) -> tuple[int, ...]:
    shape = tuple(tensor.shape[1:])
    where = f"input '{tensor.name}'"
    if any(d is None for d in shape):
        raise Unsupported(f"its shape {shape} is open", where=where, remedy="give keras.Input a fixed shape")
    if not str(tensor.dtype).startswith("float"):
        raise Unsupported(
            f"its dtype is {tensor.dtype}",
            where=where,
            remedy="give keras.Input dtype='float32' and feed the integers as floats",
        )
    return tuple(int(d) for d in shape)


def output_names(functional: Any) -> list[str]:
    """The names of its outputs, y0, y1, ... where it has none."""
    names = getattr(functional, "output_names", None)
    return list(names) if names else [f"y{i}" for i in range(len(functional.outputs))]


def _layers(functional: Any) -> Iterator[Any]:
    """All layers, those of nested models in the place of these."""
    for layer in functional.layers:
        if isinstance(layer, keras.Model):
            yield from _layers(functional_of(layer))
        else:
            yield layer


def check_layer(layer: Any) -> None:
    """Refuse a layer that cannot mean hardware, whatever its class."""
    policy = layer.dtype_policy
    # The float64 twin of `precise.py` sets floatx; anything else would make sums inexact.
    if {policy.compute_dtype, policy.variable_dtype} != {keras.config.floatx()}:
        raise Unsupported(
            f"dtype policy {policy.name}",
            where=f"layer '{layer.name}'",
            why="codes are found with float32, as predict computes them",
            remedy="build the model with dtype='float32'",
        )
    if getattr(layer, "quantization_mode", None) is not None:
        raise Unsupported(
            f"Keras's own quantization {layer.quantization_mode}",
            where=f"layer '{layer.name}'",
            remedy="compile the model before layer.quantize(), or use bw.quantize(model, ...)",
        )
    _refuse_chance(layer)
    for weight in layer.weights:
        values = np.asarray(ops.convert_to_numpy(weight.value))
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise InvalidModel(
                f"weight '{weight.name}' holds NaN or infinity",
                where=f"layer '{layer.name}'",
                remedy="train it again with a smaller learning rate, or load an earlier checkpoint",
            )


def _refuse_chance(layer: Any) -> None:
    for quantizer in quantizers_of(layer):
        if quantizer.always_random:
            raise Unsupported(
                f"{quantizer} draws its values at inference too",
                where=f"layer '{layer.name}'",
                why="hardware computes one function",
                remedy="use stochastic_binary or binary, which are deterministic at inference",
            )


def nodes_of(functional: Any) -> Iterator[Any]:
    """The calls of its layers in an order in which they run, its inputs among them."""
    by_depth = functional._nodes_by_depth
    for depth in sorted(by_depth, reverse=True):
        yield from by_depth[depth]


def opened(functional: Any, sources: Sequence[Lazy]) -> tuple[dict[int, Lazy], dict[int, int]]:
    """(known tensors, how many calls read each), both by the id of Keras's tensor, before the first call is read."""
    readers: dict[int, int] = {}
    for node in nodes_of(functional):
        for tensor in node.arguments.keras_tensors:
            readers[id(tensor)] = readers.get(id(tensor), 0) + 1
    return {id(t): lazy for t, lazy in zip(functional.inputs, sources, strict=True)}, readers


def read_node(
    node: Any, walk: Walk, known: dict[int, Lazy], readers: dict[int, int], kinds: dict[str, str]
) -> list[Lazy]:
    """Read one call of a layer: its outputs, which go to `known` too."""
    inputs = [known[id(t)] for t in _tensors(node)]
    walk.options = _options(node)
    found = _apply(node.operation, walk, inputs, kinds)
    settled = [
        _settled(lazy, walk, node.operation.name, readers.get(id(tensor), 0))
        for tensor, lazy in zip(node.output_tensors, found, strict=True)
    ]
    known.update((id(tensor), lazy) for tensor, lazy in zip(node.output_tensors, settled, strict=True))
    return settled


def _inline(functional: Any, walk: Walk, sources: Sequence[Lazy], kinds: dict[str, str]) -> list[Lazy]:
    """The lazy outputs of a functional model whose inputs are `sources`; nested models come inline."""
    known, readers = opened(functional, sources)
    for node in nodes_of(functional):
        if not node.is_input:
            read_node(node, walk, known, readers, kinds)
    return [known[id(t)] for t in functional.outputs]


def _settled(lazy: Lazy, walk: Walk, name: str, readers: int) -> Lazy:
    """A quantized tensor with several readers becomes codes once, not once per reader."""
    if readers > 1 and lazy.chain and lazy.chain[-1].step is not None:
        return Lazy(lazy.shape, walk.codes(lazy, name))
    return lazy


def _tensors(node: Any) -> list[Any]:
    """The tensors that a layer is called with, in the order of its arguments; masks are refused by name."""
    if not isinstance(node.operation, keras.layers.MultiHeadAttention):
        return list(node.arguments.keras_tensors)
    bound = signature(node.operation.call).bind(*node.arguments.args, **node.arguments.kwargs).arguments
    named = [bound[name] for name in ("query", "value", "key") if bound.get(name) is not None]
    if len({id(t) for t in node.arguments.keras_tensors} - {id(t) for t in named}):
        raise Unsupported(
            "it is called with a mask",
            where=f"layer '{node.operation.name}'",
            remedy="use use_causal_mask=True, or sequences of one length",
        )
    return named


def _options(node: Any) -> dict[str, Any]:
    """What a layer is called with beyond tensors: only attention has options that are read."""
    given = node.arguments.kwargs.items() if isinstance(node.operation, keras.Layer) else ()
    told = {k: v for k, v in given if k != "training" and not (v is None or v is False or _is_tensor(v))}
    known = {"use_causal_mask"} if isinstance(node.operation, keras.layers.MultiHeadAttention) else set[str]()
    for name in told.keys() - known:
        raise Unsupported(
            f"it is called with {name}={told[name]!r}", where=f"layer '{node.operation.name}'", remedy="leave it out"
        )
    return told


def _is_tensor(value: Any) -> bool:
    return any(isinstance(part, keras.KerasTensor) for part in keras.tree.flatten(value))


def _apply(layer: Any, walk: Walk, inputs: list[Lazy], kinds: dict[str, str]) -> list[Lazy]:
    if isinstance(layer, keras.Model):
        return _inline(functional_of(layer), walk, inputs, kinds)
    kinds[layer.name] = type(layer).__name__
    if type(layer) not in lower and not isinstance(layer, keras.Layer):
        raise Unsupported(
            f"no rule for the operation {type(layer).__name__}",
            where=f"operation '{layer.name}'",
            remedy="write it with a layer, e.g. keras.layers.Add()([a, b]) instead of a + b",
        )
    # A subclass may compute anything: only the classes that were read line by line are trusted.
    if type(layer) not in lower.kinds and type(layer).__module__ != "bitwright.layers":
        raise Unsupported(
            f"no rule for the layer class {type(layer).__name__}",
            where=f"layer '{layer.name}'",
            why=f"known are {', '.join(sorted(kind.__name__ for kind in lower.kinds))}",
            remedy="replace it by one of these, or put quantized layers around what you need",
        )
    if len(inputs) > 1 and not isinstance(layer, _MERGING):
        raise Unsupported(
            f"it is called with {len(inputs)} tensors", where=f"layer '{layer.name}'", remedy="call it without a mask"
        )
    found = lower(layer, walk, inputs)
    return [_owned(lazy, layer) for lazy in (found if isinstance(found, list) else [found])]


def _owned(lazy: Lazy, layer: Any) -> Lazy:
    """The tensor with the layer's variables on the functions that it added."""
    mine = tuple(layer.variables)
    new = [p.layer == layer.name and not p.variables for p in lazy.chain]
    chain = [replace(p, variables=mine) if added and mine else p for p, added in zip(lazy.chain, new, strict=True)]
    return replace(lazy, chain=tuple(chain))


