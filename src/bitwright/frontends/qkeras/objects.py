"""The small objects in a layer's configuration: quantizers, activations, initializers, constraints, dtypes.

Both spellings are read: Keras 2's `{"class_name", "config"}` and Keras 3's, which adds module and
registered name. One entry of `READERS` per kind of setting.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from bitwright.core.errors import BitwrightError, InvalidModel, Unsupported
from bitwright.train import layers as ql
from bitwright.train.door import keras
from bitwright.train.layers.legacy import keras2_hard_sigmoid, ternary_tanh
from bitwright.train.spec import QUANTIZERS, get_activation, get_quantizer

__all__ = ["Context", "plain", "read_setting"]

_OLD_ACTIVATIONS: dict[str, Callable[..., Any]] = {
    "hard_sigmoid": keras2_hard_sigmoid,
    "ternary_tanh": ternary_tanh,
}
"""What a bare name meant in plain layers of Keras 2, where Keras 3 means something else or nothing."""


@dataclass(frozen=True)
class Context:
    """What the meaning of a configuration depends on.

    era: the major version of Keras that wrote it (1 counts as 2). custom: classes and functions of
    the user's, by name. where: the file, for messages.
    """

    era: int
    where: str
    custom: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def at(self, layer: str) -> str:
        """The place of a layer, for messages."""
        return f"{self.where}, layer '{layer}'"


def plain(value: Any) -> Any:
    """JSON with Keras's marks for tuples and arrays replaced by lists, and classes without their packages."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    match value.get("class_name"):
        case "__tuple__":
            return [plain(item) for item in value.get("items", [])]
        case "__numpy__" | "__tensor__":
            return plain(value["config"]["value"])
        case _:
            told = {key: plain(item) for key, item in value.items()}
            if isinstance(told.get("class_name"), str):  # "qkeras>QDense" in the h5 files of Keras 3
                told["class_name"] = told["class_name"].rpartition(">")[2]
            return told


def read_setting(key: str, value: Any, context: Context, layer: str, quantized: bool) -> Any:
    """The value of a layer's setting `key` as an object; most settings are plain data and stay.

    `quantized`: the layer is one of QKeras's, in which names of activations are QKeras's.
    Raises InvalidModel or Unsupported naming the layer.
    """
    reader = next((read for ending, read in READERS.items() if key.endswith(ending)), None)
    if reader is None or value is None:
        return value
    try:
        return reader(value, context, quantized)
    except BitwrightError as error:
        raise type(error)(error.what, where=context.at(layer), why=error.why, remedy=error.remedy) from error
    except (TypeError, ValueError, KeyError) as error:
        name = value.get("class_name", value) if isinstance(value, dict) else value
        raise InvalidModel(
            f"cannot read {key}={name!r}",
            where=context.at(layer),
            why=str(error).splitlines()[0] if str(error) else "",
            remedy="pass its class in custom_objects, or save the model without it",
        ) from error


def _quantizer(value: Any, context: Context, quantized: bool) -> Any:
    return get_quantizer(value) if isinstance(value, str) else _of_dict(value, context)


def _activation(value: Any, context: Context, quantized: bool) -> Any:
    name = _function_name(value) if isinstance(value, dict) else str(value)
    if name is None:
        return _of_dict(value, context)
    if name in context.custom:
        return context.custom[name]
    if quantized:
        return get_activation(name)
    if context.era == 2 and name in _OLD_ACTIVATIONS:
        return _OLD_ACTIVATIONS[name]
    try:  # Keras's own meaning of the name first: QKeras has a hard_sigmoid as well
        return keras.activations.get(name)
    except ValueError:
        return get_activation(name)


def _function_name(value: dict[str, Any]) -> str | None:
    """The function's name in {"class_name": "function", "config": "relu"} and the like."""
    config = value.get("config")
    if value.get("class_name") == "function":
        return str(config["name"] if isinstance(config, dict) else config)
    return None


def _of_dict(value: dict[str, Any], context: Context) -> Any:
    """A quantizer from {"class_name", "config"}; only known names count, nothing is imported."""
    name, config = str(value.get("class_name")), value.get("config")
    if name in context.custom:
        return context.custom[name].from_config(config)
    name, known = (str(config), {}) if name == "function" else (name, config)
    if name not in QUANTIZERS:
        near = get_close_matches(name, QUANTIZERS, 1)
        raise Unsupported(
            f"the quantizer {name} is unknown",
            why=f"the nearest known one is {near[0]}" if near else "",
            remedy=f"pass it: custom_objects={{'{name}': <class>}}",
        )
    return get_quantizer({"class_name": name, "config": known if isinstance(known, dict) else {}})


def _initializer(value: Any, context: Context, quantized: bool) -> Any:
    if isinstance(value, dict) and value.get("class_name") == "QInitializer":
        return _q_initializer(value["config"], context)
    return _made(keras.initializers, value, context, dropped=("dtype",))


def _q_initializer(config: dict[str, Any], context: Context) -> Any:
    inner = config["initializer"]
    while isinstance(inner, dict) and inner.get("class_name") == "QInitializer":  # QKeras wraps at each loading
        inner = inner["config"]["initializer"]
    initializer = _initializer(inner, context, True)
    quantizer = _quantizer(config["quantizer"], context, True)
    return ql.QInitializer(initializer, config.get("use_scale", True), quantizer)


def _constraint(value: Any, context: Context, quantized: bool) -> Any:
    if isinstance(value, dict) and value.get("class_name") == "Clip":
        known = {k: v for k, v in value["config"].items() if k in ("min_value", "max_value")}
        inner = value["config"].get("constraint")
        return ql.Clip(**known, constraint=None if inner is None else _constraint(inner, context, quantized))
    return _made(keras.constraints, value, context)


def _regularizer(value: Any, context: Context, quantized: bool) -> Any:
    return _made(keras.regularizers, value, context)


def _made(home: Any, value: Any, context: Context, dropped: tuple[str, ...] = ()) -> Any:
    """An object of Keras's module `home`, or of the user's, by its class name."""
    if isinstance(value, str):
        return context.custom[value] if value in context.custom else home.get(value)
    name, config = value["class_name"], value.get("config", {})
    config = {key: item for key, item in config.items() if key not in dropped}
    kind = context.custom.get(name) or getattr(home, name, None)
    if not isinstance(kind, type):
        raise Unsupported(f"it uses the unknown {name}", remedy="pass it in custom_objects")
    return kind.from_config(config) if hasattr(kind, "from_config") else kind(**config)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType, reportAttributeAccessIssue]


def _dtype(value: Any, context: Context, quantized: bool) -> Any:
    """The name of a dtype or of a policy, in all the ways in which it was written."""
    if isinstance(value, dict):
        return _dtype(value.get("config", {}).get("name", "float32"), context, quantized)
    return value


READERS: dict[str, Callable[[Any, Context, bool], Any]] = {
    "_quantizer": _quantizer,
    "activation": _activation,
    "_initializer": _initializer,
    "_constraint": _constraint,
    "_regularizer": _regularizer,
    "dtype": _dtype,
}
"""By the ending of a setting's name: how its value is read."""
