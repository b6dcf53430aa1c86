"""Writes model files as QKeras and Keras 2 laid them out: JSON of layers and calls, HDF5 groups of weights."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

__all__ = ["call", "entry", "functional", "layer", "outputs", "write_h5", "write_json", "write_weights"]

Weights = Mapping[str, Sequence[tuple[str, Any]]]


def layer(kind: str, name: str, /, *sources: Any, **config: Any) -> dict[str, Any]:
    """One layer of a functional model, called once with the tensors of `sources` (names or whole calls)."""
    calls = [[source if isinstance(source, list) else call(source) for source in sources]] if sources else []
    told = {"name": name, "trainable": True, "dtype": "float32", **config}
    return {"class_name": kind, "config": told, "name": name, "inbound_nodes": calls}


def call(name: str, node: int = 0, tensor: int = 0, /, **keywords: Any) -> list[Any]:
    return [name, node, tensor, keywords]


def entry(name: str, *shape: int, dtype: str = "float32") -> dict[str, Any]:
    told = {"batch_input_shape": [None, *shape], "dtype": dtype, "sparse": False, "ragged": False, "name": name}
    return {"class_name": "InputLayer", "config": told, "name": name, "inbound_nodes": []}


def functional(layers: Sequence[dict[str, Any]], *outputs: str, kind: str = "Functional") -> dict[str, Any]:
    inputs = [[item["name"], 0, 0] for item in layers if item["class_name"] == "InputLayer"]
    ends = [[name, 0, 0] for name in outputs or (layers[-1]["name"],)]
    told = {"name": "old", "layers": list(layers), "input_layers": inputs, "output_layers": ends}
    return {"class_name": kind, "config": told}


def write_json(path: Path, model: dict[str, Any], version: str = "2.4.0") -> Path:
    path.write_text(json.dumps({**model, "keras_version": version, "backend": "tensorflow"}))
    return path


def write_weights(path: Path, weights: Weights, chunks: int = 0) -> Path:
    with h5py.File(path, "w") as file:
        _fill(file, weights, chunks)
    return path


def write_h5(path: Path, model: dict[str, Any], weights: Weights, version: str = "2.4.0") -> Path:
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(model)
        file.attrs["keras_version"] = version
        _fill(file.create_group("model_weights"), weights, 0)
    return path


def _fill(root: Any, weights: Weights, chunks: int) -> None:
    names = np.array([name.encode() for name in weights])
    if chunks:  # Keras splits attributes that HDF5 would find too long
        for index, part in enumerate(np.array_split(names, chunks)):
            root.attrs[f"layer_names{index}"] = part
    else:
        root.attrs["layer_names"] = names
    for owner, arrays in weights.items():
        group = root.create_group(owner)
        group.attrs["weight_names"] = np.array([name.encode() for name, _ in arrays])
        for name, array in arrays:
            group.create_dataset(name, data=array)


def outputs(model: Any, x: Any) -> list[np.ndarray]:
    found = model.predict(x, verbose=0)
    return list(found) if isinstance(found, list) else [found]
