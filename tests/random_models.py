"""Seeded random Keras models over layers, formats, roundings, alpha modes and topologies."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers as kl

from bitwright import layers as ql
from bitwright import quantizers as q

__all__ = ["random_inputs", "random_model", "random_sequence_model"]


def random_model(seed: int) -> Any:
    """A small model: flat, 1-D or 2-D; a chain with skips and concatenations; one or two outputs."""
    return _Maker(seed).model()


def random_inputs(model: Any, seed: int, count: int = 400) -> list[np.ndarray]:
    """Normal samples of a few scales for every input, with exact ties of quantization among them."""
    rng = np.random.default_rng(seed)
    out = []
    for tensor in model.inputs:
        shape = (count, *tensor.shape[1:])
        x = rng.normal(size=shape) * rng.choice([0.3, 1.0, 4.0], size=(count, *[1] * (len(shape) - 1)))
        x[::3] = np.rint(x[::3] * 32) / 32
        out.append(x.astype(np.float32))
    return out


class _Maker:
    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.rng = np.random.default_rng(seed)
        self.count = 0

    def name(self, kind: str) -> str:
        self.count += 1
        return f"{kind}{self.count}"

    def pick(self, *options: Any) -> Any:
        return options[int(self.rng.integers(len(options)))]

    # ---- quantizers --------------------------------------------------------------------------------

    def kernel(self) -> Any:
        bits = int(self.rng.integers(2, 7))
        kind = self.pick("bits", "bits", "bits", "ternary", "binary", "po2", "linear", "stochastic", "learned")
        alpha = self.pick(None, 1, 1, "auto", "auto_po2", 0.3)
        if kind == "bits":
            return q.quantized_bits(bits, int(self.rng.integers(0, 2)), self.pick(0, 1), alpha=alpha)
        if kind == "ternary":
            return q.ternary(alpha=alpha)
        if kind == "binary":
            return q.binary(alpha=alpha)
        if kind == "linear":
            return q.quantized_linear(bits, int(self.rng.integers(0, 2)), self.pick(0, 1), alpha=alpha)
        if kind == "stochastic":
            return self.pick(q.stochastic_binary, q.stochastic_ternary)(alpha=alpha)
        if kind == "learned":
            kinds = (q.quantized_bits_learnable_po2, q.quantized_bits_msqe_po2)
            return self.pick(*kinds)(bits, per_channel_scale=self.pick(False, True))
        return q.quantized_po2(int(self.rng.integers(3, 5)), max_value=2)

    def bias(self) -> Any:
        return self.pick(None, q.quantized_bits(6, 1, alpha=1), q.quantized_bits(4, 0, alpha=1))

    def activation(self) -> Any:
        bits = int(self.rng.integers(2, 7))
        return self.pick(
            q.quantized_relu(bits, int(self.rng.integers(0, 3))),
            q.quantized_relu(bits, 1, negative_slope=0.25) if bits > 2 else q.quantized_relu(bits),
            q.quantized_bits(bits, int(self.rng.integers(0, 3)), self.pick(0, 1), alpha=1),
            q.quantized_bits(bits, 1, alpha=0.25),
            q.quantized_tanh(bits, symmetric=self.pick(False, True)),
            q.quantized_sigmoid(bits),
            q.binary(alpha=1),
            q.ternary(alpha=1),
            q.quantized_po2(4, max_value=2),
            q.quantized_linear(bits, 1, self.pick(0, 1), alpha=self.pick(None, 0.5, 0.375)),
            q.quantized_hswish(bits, int(self.rng.integers(0, 3))),
            q.stochastic_binary(alpha=self.pick(None, 0.5)),
            q.stochastic_ternary(alpha=1, threshold=0.4),
            q.quantized_bits_learnable_po2(
                bits, self.pick(False, True), init_scale=0.125, use_po2_scale_msqe_round=False
            ),
        )

    # ---- topology ----------------------------------------------------------------------------------

    def model(self) -> Any:
        rank = int(self.rng.integers(0, 3))
        size = (int(self.rng.integers(4, 7)),) * rank
        entry = keras.Input((*size, int(self.rng.integers(2, 6))), name="x")
        x = ql.QActivation(
            self.pick(
                q.quantized_bits(6, 2, alpha=1),
                q.quantized_relu(4, 1),
                q.quantized_tanh(5),
                q.quantized_bits(5, 1, 1, alpha=1),
            ),
            name="entry",
        )(entry)
        for _ in range(int(self.rng.integers(1, 4))):
            x = self.block(x, rank)
        if rank:
            x = self.pick(
                kl.Flatten(name=self.name("flat")), kl.Flatten(name=self.name("flat")), self.global_pool(rank)
            )(x)
            x = ql.QActivation(self.activation(), name=self.name("act"))(x)
        outputs = [self.head(x) for _ in range(self.pick(1, 1, 2))]
        model = keras.Model(entry, outputs if len(outputs) > 1 else outputs[0], name=f"random{self.seed}")
        self.randomize(model)
        return model

    def block(self, x: Any, rank: int) -> Any:
        y = self.linear(x, rank)
        if self.rng.random() < 0.35:
            y = self.pick(kl.BatchNormalization, kl.BatchNormalization)(name=self.name("bn"))(y)
        y = ql.QActivation(self.activation(), name=self.name("act"))(y)
        kind = self.pick("plain", "plain", "skip", "concat", "pool", "max")
        if kind == "concat" and x.shape[:-1] == y.shape[:-1]:
            return kl.Concatenate(name=self.name("concat"))([x, y])
        if kind in ("skip", "max") and x.shape[:-1] == y.shape[:-1]:
            side = self.linear(x, rank, units=y.shape[-1], same=True)
            side = ql.QActivation(q.quantized_bits(5, 2, alpha=1), name=self.name("act"))(side)
            if side.shape == y.shape:
                y = self.pick(kl.Add, kl.Subtract, kl.Maximum)(name=self.name("merge"))([side, y])
                return ql.QActivation(q.quantized_bits(5, 2, alpha=1), name=self.name("act"))(y)
        if kind == "pool" and rank and min(y.shape[1 : 1 + rank]) >= 2:
            pool = {1: (kl.MaxPooling1D, kl.AveragePooling1D), 2: (kl.MaxPooling2D, kl.AveragePooling2D)}[rank]
            y = self.pick(*pool)(2, name=self.name("pool"))(y)
            return ql.QActivation(q.quantized_bits(6, 2, alpha=1), name=self.name("act"))(y)
        return y

    def linear(self, x: Any, rank: int, units: int | None = None, same: bool = False) -> Any:
        wanted = units or int(self.rng.integers(2, 6))
        if not same and self.rng.random() < 0.15:
            return self.tables(x, wanted)
        common: dict[str, Any] = {"kernel_quantizer": self.kernel(), "bias_quantizer": self.bias()}
        common["use_bias"] = bool(self.rng.random() < 0.8)
        if rank == 0:
            return ql.QDense(wanted, name=self.name("dense"), **common)(x)
        if rank == 2 and units is None and self.rng.random() < 0.3:
            common["depthwise_quantizer"] = common.pop("kernel_quantizer")
            return ql.QDepthwiseConv2D(
                self.pick(2, 3),
                padding=self.pick("same", "valid") if min(x.shape[1:3]) >= 3 else "same",
                depth_multiplier=self.pick(1, 2),
                name=self.name("depthwise"),
                **common,
            )(x)
        layer = ql.QConv1D if rank == 1 else ql.QConv2D
        if same:
            return layer(wanted, 3, padding="same", name=self.name("conv"), **common)(x)
        strided = self.rng.random() < 0.3
        padding = self.pick("same", "same", "valid") if min(x.shape[1 : 1 + rank]) >= 3 else "same"
        return layer(
            wanted,
            self.pick(2, 3),
            padding=padding,
            strides=2 if strided else 1,
            dilation_rate=1 if strided or padding == "valid" else self.pick(1, 1, 2),
            name=self.name("conv"),
            **common,
        )(x)

    def tables(self, x: Any, units: int) -> Any:
        members, bits = self.pick((1, 4), (2, 3), (2, 2), (3, 2))
        told = {"use_bias": self.pick(True, False), "smooth": self.pick(True, False), "pairings": self.pick(1, 2)}
        return ql.QTableDense(units, members, bits, 1.0, name=self.name("tables"), **told)(x)

    def global_pool(self, rank: int) -> Any:
        kinds = {
            1: (kl.GlobalAveragePooling1D, kl.GlobalMaxPooling1D),
            2: (kl.GlobalAveragePooling2D, kl.GlobalMaxPooling2D),
        }
        return self.pick(*kinds[rank])(name=self.name("global"))

    def head(self, x: Any) -> Any:
        y = ql.QDense(
            int(self.rng.integers(1, 5)),
            kernel_quantizer=q.quantized_bits(4, 0, alpha=1),
            bias_quantizer=q.quantized_bits(5, 1, alpha=1),
            name=self.name("logits"),
        )(x)
        kind = self.pick("plain", "softmax", "quantized", "sigmoid")
        if kind == "softmax":
            return kl.Softmax(name=self.name("softmax"))(y)
        if kind == "quantized":
            return ql.QActivation(q.quantized_bits(6, 2, alpha=1), name=self.name("out"))(y)
        if kind == "sigmoid":
            return kl.Activation("sigmoid", name=self.name("sigmoid"))(y)
        return y

    def randomize(self, model: Any) -> None:
        """Weights of a size that uses the formats; batch norm statistics away from 0 and 1."""
        for layer in model.layers:
            if isinstance(layer, kl.BatchNormalization):
                shape = layer.get_weights()[0].shape
                gamma = self.rng.uniform(0.4, 1.6, shape) * self.rng.choice([-1, 1, 1, 1], shape)
                values = [
                    gamma,
                    self.rng.normal(size=shape) * 0.3,
                    self.rng.normal(size=shape),
                    self.rng.uniform(0.3, 2, shape),
                ]
                layer.set_weights([v.astype(np.float32) for v in values])
            elif layer.get_weights():
                layer.set_weights(
                    [(self.rng.normal(size=w.shape) * 0.6).astype(np.float32) for w in layer.get_weights()]
                )


def random_sequence_model(seed: int) -> Any:
    """A small model over a short sequence: recurrent layers, or attention with normalization, then a head."""
    return _SequenceMaker(seed).sequence_model()


class _SequenceMaker(_Maker):
    def sequence_model(self) -> Any:
        entry = keras.Input((int(self.rng.integers(2, 5)), int(self.rng.integers(2, 4))), name="x")
        x = ql.QActivation(self.pick("quantized_bits(5,1,alpha=1)", "quantized_relu(4,1)"), name="entry")(entry)
        if self.rng.random() < 0.35:
            x = self.attended(x)
        else:
            for _ in range(self.pick(0, 0, 1)):
                x = self.coded(self.recurrent(x, return_sequences=True))
            x = self.recurrent(x, return_sequences=self.pick(False, False, True))
        if len(x.shape) == 3:
            x = self.pick(kl.Flatten(name=self.name("flat")), kl.GlobalMaxPooling1D(name=self.name("top")))(x)
        model = keras.Model(entry, self.head(self.coded(x)), name=f"sequence{self.seed}")
        self.randomize(model)
        return model

    def coded(self, x: Any) -> Any:
        return ql.QActivation(f"quantized_bits({self.pick(4, 5, 6)},1,alpha=1)", name=self.name("act"))(x)

    def weights(self) -> str:
        return self.pick(
            "quantized_bits(3,0,alpha=1)", "quantized_bits(4,1)", "ternary(alpha=1)", "quantized_po2(4,1)",
            "quantized_bits(4,0,1,alpha=1)",
        )  # fmt: skip

    def recurrent(self, x: Any, return_sequences: bool) -> Any:
        kind = self.pick(ql.QSimpleRNN, ql.QLSTM, ql.QGRU)
        told: dict[str, Any] = {
            "kernel_quantizer": self.weights(),
            "recurrent_quantizer": self.weights(),
            "bias_quantizer": self.pick("quantized_bits(4,0,alpha=1)", "quantized_bits(5,1,alpha=1)"),
            "state_quantizer": self.pick("quantized_bits(5,1,alpha=1)", "quantized_tanh(4)", "ternary(alpha=1)"),
            "activation": self.pick("quantized_tanh(4)", "quantized_tanh(5,0,1)", "quantized_bits(4,1,alpha=1)"),
            "use_bias": bool(self.rng.random() < 0.8),
            "go_backwards": bool(self.rng.random() < 0.3),
            "return_sequences": return_sequences,
        }
        if kind is not ql.QSimpleRNN:
            told["recurrent_activation"] = self.pick("quantized_sigmoid(3)", "hard_sigmoid", "quantized_relu(3,0)")
        if kind is ql.QGRU and self.rng.random() < 0.4:
            told |= {"reset_after": True, "recurrent_activation": "quantized_sigmoid(3)"}
        layer = kind(int(self.rng.integers(1, 4)), name=self.name("recurrent"), **told)
        if not told["go_backwards"] and self.rng.random() < 0.3:
            merge = self.pick("concat", "sum", "mul", "ave")
            return ql.QBidirectional(layer, merge_mode=merge, name=self.name("both"))(x)
        return layer(x)

    def attended(self, x: Any) -> Any:
        few = "quantized_bits(5,1,alpha=1)"
        attention = ql.QMultiHeadAttention(
            int(self.rng.integers(1, 3)),
            int(self.rng.integers(1, 4)),
            name=self.name("attention"),
            kernel_quantizer=self.weights(),
            bias_quantizer=self.pick(None, "quantized_bits(5,1,alpha=1)"),
            use_bias=bool(self.rng.random() < 0.5),
            **{f"{n}_quantizer": few for n in ("query", "key", "value", "context")},
        )
        y = self.coded(attention(x, x, use_causal_mask=bool(self.rng.random() < 0.5)))
        y = kl.Add(name=self.name("skip"))([x, y])
        if self.rng.random() < 0.5:
            y = ql.QLayerNormalization(
                mean_quantizer="quantized_bits(8,2,alpha=1)",
                gamma_quantizer=self.pick(None, "quantized_po2(4,2)"),
                beta_quantizer=self.pick(None, "quantized_bits(5,1,alpha=1)"),
                activation="quantized_bits(5,2,alpha=1)",
                name=self.name("norm"),
            )(y)
        return y
