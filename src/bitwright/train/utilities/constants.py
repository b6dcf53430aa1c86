"""Operations between layers, such as `x * 3`: what Keras 2 called TFOpLambda layers, and their constants."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bitwright.train.door import keras

__all__ = ["get_y_from_TFOpLambda", "is_TFOpLambda_layer"]


def is_TFOpLambda_layer(layer: Any) -> bool:  # noqa: N802
    """Whether `layer`, one of `model.operations`, is a bare operation such as `x + 3` and no layer."""
    return isinstance(layer, keras.Operation) and not isinstance(layer, keras.Layer)


def get_y_from_TFOpLambda(model_cfg: Mapping[str, Any], layer: Any) -> Any:  # noqa: N802
    """The constant operand of the operation `layer` by the model's `get_config()`; None if there is none.

    For `x * 3` it is 3. Configurations of Keras 2 and of Keras 3 are understood.
    """
    for entry in model_cfg["layers"]:
        if entry.get("name", entry["config"].get("name")) == layer.name:
            return next(_constants(entry["inbound_nodes"]), None)
    return None


def _constants(nodes: Any) -> Iterator[Any]:
    for node in nodes:
        if isinstance(node, Mapping):  # Keras 3: {"args": [tensor, 3], "kwargs": {}}
            for operand in (*node["args"], *node["kwargs"].values()):
                if not isinstance(operand, Mapping):
                    yield operand
                elif operand.get("class_name") == "__tensor__":
                    yield operand["config"]["value"]
        else:  # Keras 2: [name, node, tensor, {"y": 3}]
            told = node[-1] if isinstance(node[-1], Mapping) else {}
            if "y" in told:
                yield told["y"]
