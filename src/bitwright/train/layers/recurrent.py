"""Quantized recurrent cells and layers: QSimpleRNN, QLSTM, QGRU, QBidirectional.

The Keras cells do their own math; while they run, they read quantized weights. A layer quantizes
its weights once a call, a cell on its own once a step. States go through `state_quantizer` where
a step reads them, so a layer's output is the state before that. Source: google/qkeras, qrecurrent.py.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, ClassVar

from bitwright.core.errors import InvalidValue
from bitwright.train.door import keras, ops
from bitwright.train.layers.attribute import Overlaid, is_overlaid, overlaid
from bitwright.train.layers.base import Quantized, QuantizedTensor, Role, apply, as_numpy
from bitwright.train.public import public
from bitwright.train.quantizers.base import BaseQuantizer
from bitwright.train.spec import get_activation

__all__ = ["QGRU", "QLSTM", "QBidirectional", "QGRUCell", "QLSTMCell", "QSimpleRNN", "QSimpleRNNCell"]

_QUANTIZERS = tuple(f"{prefix}_quantizer" for prefix in ("kernel", "recurrent", "bias", "state"))
_OF_CELL = {
    *_QUANTIZERS, "dropout", "recurrent_dropout", "seed", "implementation", "unit_forget_bias", "reset_after",
    *(f"{w}_{what}" for w in ("kernel", "recurrent", "bias")
      for what in ("initializer", "regularizer", "constraint", "range")),
}  # fmt: skip
_GATED = ("recurrent_activation", "implementation")


class _QuantizedCell(Quantized):
    """Mixin before a Keras cell: quantizers for its weights and states."""

    roles = (
        Role("kernel", "kernel", is_kernel=True),
        Role("recurrent_kernel", "recurrent", is_kernel=True),
        Role("bias", "bias"),
        Role("", "state", is_weight=False),
    )
    gated: ClassVar[bool] = True

    kernel = Overlaid()
    recurrent_kernel = Overlaid()
    bias = Overlaid()
    activation = Overlaid()
    recurrent_activation = Overlaid()
    implementation = Overlaid()

    def __init__(
        self,
        units: int,
        activation: Any = "quantized_tanh",
        recurrent_activation: Any = "hard_sigmoid",
        use_bias: bool = True,
        **kwargs: Any,
    ) -> None:
        kwargs = {"kernel_initializer": "glorot_uniform", "recurrent_initializer": "orthogonal", **kwargs}
        if self.gated:
            kwargs["recurrent_activation"] = get_activation(recurrent_activation)
            # 0 is a layout of old Keras; it computes the same as 1.
            kwargs["implementation"] = kwargs.pop("implementation", 1) or 1
        super().__init__(units=units, activation=activation, use_bias=use_bias, **kwargs)
        gate = getattr(self, "recurrent_activation", None) if self.gated else None
        self._gate_state = gate.state if isinstance(gate, BaseQuantizer) else []

    def call(self, inputs: Any, states: Any, training: bool | None = False) -> Any:
        """(output, new states) of one step."""
        with self.quantized(training):
            return super().call(inputs, self._read(states, training), training=training)  # pyright: ignore[reportAttributeAccessIssue]

    @contextmanager
    def quantized(self, training: bool | None) -> Generator[None]:
        """Within the context the cell reads quantized weights; they are computed once, on entering."""
        if is_overlaid(self):
            yield
            return
        with _one_draw(self._inner()), overlaid(self, **self._replaced(training)):
            yield

    def quantized_weights(self) -> dict[str, QuantizedTensor]:
        """The weights as a step uses them at inference: kernel, recurrent_kernel and, with one, bias."""
        found = self._weights(None)
        return {name: QuantizedTensor(as_numpy(w)) for name, w in found.items() if w is not None}

    def get_quantization_config(self) -> dict[str, str]:
        """Argument names to strings."""
        told = super().get_quantization_config()
        if self.gated:
            gate = self.recurrent_activation
            told["recurrent_activation"] = getattr(gate, "__name__", str(gate))
        return told

    def get_config(self) -> dict[str, Any]:
        """Every argument."""
        config = super().get_config()
        if self.gated:
            config["recurrent_activation"] = keras.saving.serialize_keras_object(self.recurrent_activation)
            config["implementation"] = self.implementation
        return config

    def _inner(self) -> list[Any]:
        """What draws at every step, if it draws at all."""
        functions = [getattr(self, name, None) for name in ("activation", "recurrent_activation", "state_quantizer")]
        return [f for f in functions if getattr(f, "seed_generator", None) is not None]

    def _weights(self, training: bool | None) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for role in self.roles[:3]:
            weight = getattr(self, role.attribute)
            quantizer = getattr(self, role.quantizer)
            found[role.attribute] = (
                None if weight is None else apply(quantizer, ops.convert_to_tensor(weight), training)
            )
        return found

    def _replaced(self, training: bool | None) -> dict[str, Any]:
        replaced = self._weights(training)
        replaced["activation"] = _bound_to(self.activation, training)
        if self.gated:
            replaced["recurrent_activation"] = _bound_to(self.recurrent_activation, training)
            if not (getattr(self, "dropout") or getattr(self, "recurrent_dropout")):  # noqa: B009
                # Without dropout both give the same sums; one product for all gates is faster.
                replaced["implementation"] = 2
        return replaced

    def _read(self, states: Any, training: bool | None) -> Any:
        quantizer = getattr(self, "state_quantizer", None)
        if quantizer is None:
            return states
        if isinstance(states, list | tuple):
            return [apply(quantizer, state, training) for state in states]
        return apply(quantizer, states, training)


class _Drawn(keras.random.SeedGenerator):
    """A seed that was drawn before."""

    def __init__(self, seed: Any) -> None:
        self.drawn = seed

    def next(self, ordered: bool = True) -> Any:
        """The seed, each time."""
        return self.drawn


@contextmanager
def _one_draw(quantizers: list[Any]) -> Generator[None]:
    """Within the context each quantizer draws from one seed: all steps round alike, as dropout masks do.

    A compiled loop over time may not change a generator from inside.
    """
    kept = [quantizer.seed_generator for quantizer in quantizers]
    for quantizer, generator in zip(quantizers, kept, strict=True):
        quantizer.seed_generator = _Drawn(generator.next())
    try:
        yield
    finally:
        for quantizer, generator in zip(quantizers, kept, strict=True):
            quantizer.seed_generator = generator


def _bound_to(function: Any, training: bool | None) -> Callable[[Any], Any]:
    if not (training and isinstance(function, BaseQuantizer)):
        return function
    return lambda x: function(x, training=training)


@public("bitwright.layers")
class QSimpleRNNCell(_QuantizedCell, keras.layers.SimpleRNNCell):
    """SimpleRNNCell with quantized weights and state; see `QSimpleRNN`."""

    gated = False

    def __init__(
        self, units: int, activation: Any = "quantized_tanh", use_bias: bool = True, **kwargs: Any
    ) -> None:
        super().__init__(units, activation=activation, use_bias=use_bias, **kwargs)


@public("bitwright.layers")
class QLSTMCell(_QuantizedCell, keras.layers.LSTMCell):
    """LSTMCell with quantized weights and states; see `QLSTM`."""


@public("bitwright.layers")
class QGRUCell(_QuantizedCell, keras.layers.GRUCell):
    """GRUCell with quantized weights and state; see `QGRU`. reset_after is False by default, as in QKeras."""

    def __init__(self, units: int, *args: Any, reset_after: bool = False, **kwargs: Any) -> None:
        super().__init__(units, *args, reset_after=reset_after, **kwargs)


class _OfCell:
    """A property of the layer that is its cell's."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, layer: Any, owner: type | None = None) -> Any:
        return self if layer is None else getattr(layer.cell, self.name)


class _QuantizedRecurrent:
    """Mixin before a Keras recurrent layer whose cell is the quantized one."""

    cell_class: ClassVar[Any]

    kernel_quantizer = _OfCell()
    recurrent_quantizer = _OfCell()
    bias_quantizer = _OfCell()
    state_quantizer = _OfCell()
    kernel_quantizer_internal = _OfCell()
    recurrent_quantizer_internal = _OfCell()
    bias_quantizer_internal = _OfCell()
    state_quantizer_internal = _OfCell()
    seed = _OfCell()

    def __init__(self, units: int, *args: Any, **kwargs: Any) -> None:
        if kwargs.pop("time_major", False):
            raise InvalidValue(
                "time_major is gone from Keras", where=type(self).__name__, remedy="put the batch axis first"
            )
        mine = {k: kwargs.pop(k) for k in (*_OF_CELL, "activation", "recurrent_activation", "use_bias") if k in kwargs}
        shared = {"dtype": kwargs.get("dtype"), "trainable": kwargs.get("trainable", True)}
        kind = type(self).cell_class
        cell = kind(units, *args, name=_snake(kind.__name__), **shared, **mine)
        kwargs.pop("use_cudnn", None)
        # Not the parent's own constructor, which would make a float cell.
        keras.layers.RNN.__init__(self, cell, **kwargs)  # pyright: ignore[reportArgumentType]
        self.input_spec = keras.layers.InputSpec(ndim=3)
        # Library kernels take plain weights and functions.
        self.use_cudnn = False

    def call(
        self, sequences: Any, initial_state: Any = None, mask: Any = None, training: bool | None = False
    ) -> Any:
        """The outputs of the last step, or of all; with the states behind them if return_state."""
        with self.cell.quantized(training):  # pyright: ignore[reportAttributeAccessIssue]
            return super().call(sequences, initial_state=initial_state, mask=mask, training=training)  # pyright: ignore[reportAttributeAccessIssue]

    def get_quantizers(self) -> list[Any]:
        """The quantizers of kernel, recurrent kernel, bias and state."""
        return self._cell.get_quantizers()

    def get_prunable_weights(self) -> list[Any]:
        """Kernel and recurrent kernel."""
        return self._cell.get_prunable_weights()

    def get_quantization_config(self) -> dict[str, str]:
        """Argument names to strings."""
        return self._cell.get_quantization_config()

    def quantized_weights(self) -> dict[str, QuantizedTensor]:
        """The weights as a step uses them at inference."""
        return self._cell.quantized_weights()

    def get_config(self) -> dict[str, Any]:
        """Every argument, the cell's among them."""
        config = super().get_config()  # pyright: ignore[reportAttributeAccessIssue]
        cell = self._cell.get_config()
        return {**config, **{k: v for k, v in cell.items() if k not in ("name", "trainable", "dtype")}}

    @property
    def _cell(self) -> Any:
        return getattr(self, "cell")  # noqa: B009


def _snake(name: str) -> str:
    return {"QSimpleRNNCell": "simple_rnn_cell", "QLSTMCell": "lstm_cell", "QGRUCell": "gru_cell"}[name]


@public("bitwright.layers")
class QSimpleRNN(_QuantizedRecurrent, keras.layers.SimpleRNN):
    """SimpleRNN with quantized kernel, recurrent kernel, bias and state.

    kernel_quantizer, recurrent_quantizer, bias_quantizer, state_quantizer: quantizers or QKeras
    strings (None: float). The state quantizer acts where a step reads the state. All other arguments
    are those of keras.layers.SimpleRNN.
    """

    cell_class = QSimpleRNNCell


@public("bitwright.layers")
class QLSTM(_QuantizedRecurrent, keras.layers.LSTM):
    """LSTM with quantized kernel, recurrent kernel, bias and states; see `QSimpleRNN`.

    recurrent_activation "hard_sigmoid" is QKeras's: clip(0.5 x + 0.5, 0, 1).
    """

    cell_class = QLSTMCell
    implementation = _OfCell()


@public("bitwright.layers")
class QGRU(_QuantizedRecurrent, keras.layers.GRU):
    """GRU with quantized kernel, recurrent kernel, bias and state; see `QSimpleRNN`.

    reset_after is False by default, as in QKeras: the reset gate acts before the matrix product.
    """

    cell_class = QGRUCell
    implementation = _OfCell()


@public("bitwright.layers")
class QBidirectional(keras.layers.Bidirectional):
    """Bidirectional around a quantized recurrent layer; all arguments are Keras's."""

    @property
    def layer(self) -> Any:
        """The forward layer."""
        return self.forward_layer

    @property
    def activation(self) -> Any:
        """The forward layer's activation."""
        return self.forward_layer.activation

    def get_quantizers(self) -> list[Any]:
        """The forward layer's quantizers, then the backward layer's."""
        return [*self.forward_layer.get_quantizers(), *self.backward_layer.get_quantizers()]

    def get_prunable_weights(self) -> list[Any]:
        """The kernels of both directions."""
        return [*self.forward_layer.get_prunable_weights(), *self.backward_layer.get_prunable_weights()]

    def get_quantization_config(self) -> dict[str, Any]:
        """The configurations of both directions."""
        return {
            "layer": self.forward_layer.get_quantization_config(),
            "backward_layer": self.backward_layer.get_quantization_config(),
        }
