"""TensorFlow operations between layers ("TFOpLambda"): each becomes a Keras layer, or is refused by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bitwright.core.errors import Unsupported
from bitwright.frontends.qkeras.objects import Context
from bitwright.train.door import keras, ops

__all__ = ["OPERATIONS", "Operation"]

kl: Any = keras.layers


class Operation:
    """A layer in the file that was one TensorFlow function; called, it makes the layer of that call."""

    def __init__(self, name: str, function: str, context: Context) -> None:
        self.name, self.function, self.context = name, function, context
        self.calls = 0

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The tensor after the layer that does what the function did."""
        if self.function not in OPERATIONS:
            raise self._refusal(f"the TensorFlow function tf.{self.function}")
        kwargs.pop("name", None)
        self.calls += 1
        name = self.name.replace("/", "_") + (f"_{self.calls - 1}" if self.calls > 1 else "")
        try:
            made = OPERATIONS[self.function](name, *args, **kwargs)
        except TypeError as error:
            raise self._refusal(f"tf.{self.function} called with {', '.join(sorted(kwargs)) or 'these'}") from error
        if made is None:
            raise self._refusal(f"tf.{self.function} of these arguments")
        return made

    def _refusal(self, what: str) -> Unsupported:
        return Unsupported(
            f"no layer does {what}",
            where=self.context.at(self.name),
            why=f"known are {', '.join(sorted(OPERATIONS))}",
            remedy="write it with Keras layers and save again",
        )


def _is_tensor(value: Any) -> bool:
    return isinstance(value, keras.KerasTensor)


def _merged(layer: str, of_constant: Callable[[float], tuple[float, float]]) -> Callable[..., Any]:
    """Two tensors through a merging layer; a tensor and a number through `Rescaling(scale, offset)`."""

    def make(name: str, x: Any, y: Any) -> Any:
        if _is_tensor(x) and _is_tensor(y):
            return getattr(kl, layer)(name=name)([x, y])
        tensor, number = (x, y) if _is_tensor(x) else (y, x)
        if not isinstance(number, int | float):
            return None
        if layer == "Subtract" and tensor is y:
            return kl.Rescaling(-1.0, float(number), name=name)(tensor)
        scale, offset = of_constant(float(number))
        return kl.Rescaling(scale, offset, name=name)(tensor)

    return make


def _divided(name: str, x: Any, y: Any) -> Any:
    return kl.Rescaling(1.0 / y, name=name)(x) if isinstance(y, int | float) and y else None


def _called(make: Callable[..., Any], *taken: str) -> Callable[..., Any]:
    """A layer on one tensor; only the keywords in `taken` are understood."""

    def call(name: str, x: Any, **kwargs: Any) -> Any:
        if set(kwargs) - set(taken):
            raise TypeError("unknown keywords")
        return make(name, **kwargs)(x)

    return call


def _extremum(layer: str) -> Callable[..., Any]:
    def make(name: str, x: Any, y: Any) -> Any:
        if _is_tensor(x) and _is_tensor(y):
            return getattr(kl, layer)(name=name)([x, y])
        tensor, number = (x, y) if _is_tensor(x) else (y, x)
        return kl.ReLU(name=name)(tensor) if layer == "Maximum" and number == 0 else None

    return make


def _concat(name: str, values: Any, axis: Any = -1) -> Any:
    return kl.Concatenate(axis=axis, name=name)(values)


def _reshape(name: str, tensor: Any, shape: Any) -> Any:
    return kl.Reshape(tuple(int(d) for d in shape[1:]), name=name)(tensor)


def _transpose(name: str, a: Any, perm: Any = None) -> Any:
    axes = list(perm or range(len(a.shape) - 1, -1, -1))
    return kl.Permute(tuple(axes[1:]), name=name)(a) if axes[0] == 0 else None


_POOLED: dict[str, Any] = {"(3, [1])": kl.GlobalAveragePooling1D, "(4, [1, 2])": kl.GlobalAveragePooling2D}


def _mean(name: str, input_tensor: Any, axis: Any = None, keepdims: bool = False) -> Any:
    axes = [axis] if isinstance(axis, int) else list(axis or [])
    rank = len(input_tensor.shape)
    layer = _POOLED.get(str((rank, sorted(a % rank for a in axes))))
    return None if layer is None else layer(keepdims=bool(keepdims), name=name)(input_tensor)


def _clipped(name: str, t: Any, clip_value_min: float, clip_value_max: float) -> Any:
    return ops.clip(t, clip_value_min, clip_value_max)


def _sliced(name: str, tensor: Any, slice_spec: Any) -> Any:
    """`tensor[...]`: slices are written as {"start", "stop", "step"}."""
    spec = slice_spec if isinstance(slice_spec, list) else [slice_spec]
    return tensor[tuple(_slice(part) for part in spec)]


def _slice(part: Any) -> Any:
    if not isinstance(part, dict):
        return part
    if "ellipsis" in str(part.get("class_name", "")):
        return ...
    return slice(*(part.get(end) for end in ("start", "stop", "step")))


def _operation(function: str, *taken: str) -> Callable[..., Any]:
    """An operation of Keras, where no layer does it: the model runs, and compiling it names the operation."""

    def call(name: str, x: Any, **kwargs: Any) -> Any:
        if set(kwargs) - set(taken):
            raise TypeError("unknown keywords")
        return getattr(ops, function)(x, **kwargs)

    return call


def _softmax(name: str, axis: int | None = None) -> Any:
    return kl.Softmax(-1 if axis is None else axis, name=name)


def _activation(function: str) -> Callable[..., Any]:
    return _called(lambda name: kl.Activation(function, name=name))


OPERATIONS: dict[str, Callable[..., Any]] = {
    "__operators__.add": _merged("Add", lambda c: (1.0, c)),
    "math.add": _merged("Add", lambda c: (1.0, c)),
    "math.subtract": _merged("Subtract", lambda c: (1.0, -c)),
    "math.multiply": _merged("Multiply", lambda c: (c, 0.0)),
    "math.truediv": _divided,
    "math.divide": _divided,
    "math.negative": _called(lambda name: kl.Rescaling(-1.0, name=name)),
    "math.maximum": _extremum("Maximum"),
    "math.minimum": _extremum("Minimum"),
    "nn.relu": _called(lambda name: kl.ReLU(name=name)),
    "nn.relu6": _called(lambda name: kl.ReLU(6.0, name=name)),
    "nn.leaky_relu": _called(lambda name, alpha=0.2: kl.LeakyReLU(alpha, name=name), "alpha"),
    "nn.softmax": _called(_softmax, "axis"),
    "math.sigmoid": _activation("sigmoid"),
    "nn.sigmoid": _activation("sigmoid"),
    "math.tanh": _activation("tanh"),
    "nn.tanh": _activation("tanh"),
    "identity": _called(lambda name: kl.Identity(name=name)),
    "concat": _concat,
    "reshape": _reshape,
    "transpose": _transpose,
    "math.reduce_mean": _mean,
    "reduce_mean": _mean,
    "math.reduce_sum": _operation("sum", "axis", "keepdims"),
    "math.reduce_max": _operation("max", "axis", "keepdims"),
    "math.abs": _operation("absolute"),
    "math.square": _operation("square"),
    "math.sqrt": _operation("sqrt"),
    "math.exp": _operation("exp"),
    "expand_dims": _operation("expand_dims", "axis"),
    "clip_by_value": _clipped,
    "__operators__.getitem": _sliced,
}  # fmt: skip
"""By the function's name below `tf.`: the layers on (name, *arguments); None where they cannot be read."""
