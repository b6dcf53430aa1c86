"""Seeded random models of separable, transposed, folded, scaled and adaptive layers."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers as kl
from tests.random_models import _Maker

from bitwright import layers as ql
from bitwright import quantizers as q

__all__ = ["random_convolution_model"]


def random_convolution_model(seed: int) -> Any:
    """A small model: two or three of those layers, each behind a quantized point, then a head."""
    return _ConvolutionMaker(seed).convolution_model()


class _ConvolutionMaker(_Maker):
    def kernel_of(self, *alphas: Any) -> Any:
        """A kernel quantizer with one of these alphas."""
        bits, alpha = int(self.rng.integers(2, 6)), self.pick(*alphas)
        return self.pick(
            q.quantized_bits(bits, self.pick(0, 1), alpha=alpha), q.quantized_bits(bits, 0, 1, alpha=alpha),
            q.ternary(alpha=alpha), q.binary(alpha=alpha), q.quantized_po2(3, max_value=2),
        )  # fmt: skip

    def dyadic(self) -> Any:
        return self.kernel_of(None, 1, 0.5, "auto_po2")

    def any_scale(self) -> Any:
        return self.kernel_of(None, 1, "auto", "auto_po2", 0.3)

    def convolution_model(self) -> Any:
        rank = self.pick(0, 1, 2, 2, 2)
        size = (int(self.rng.integers(3, 5)),) * rank
        entry = keras.Input((*size, int(self.rng.integers(2, 4))), name="x")
        x = ql.QActivation(self.pick(q.quantized_bits(5, 2, alpha=1), q.quantized_relu(4, 1)), name="entry")(entry)
        for _ in range(int(self.rng.integers(1, 3))):
            x = self.point(self.pick(*self.choices(rank))(x))
        x = kl.Flatten(name="flat")(x) if rank else x
        model = keras.Model(entry, self.head(x), name=f"convolutions{self.seed}")
        self.randomize(model)
        return model

    def choices(self, rank: int) -> list[Any]:
        if rank == 2:
            return [self.transposed, self.separable, self.separable_transposed, self.depthwise_transposed,
                    self.folded, self.folded_depthwise, self.scaled]  # fmt: skip
        return [self.separable, self.scaled] if rank else [self.folded_dense, self.scaled]

    def point(self, x: Any) -> Any:
        """A quantized point: fixed, or with integer bits that training has found."""
        if self.rng.random() < 0.7:
            return ql.QActivation(self.activation(), name=self.name("act"))(x)
        kind, bits = self.pick("quantized_bits", "quantized_relu"), int(self.rng.integers(3, 7))
        bound = self.pick(None, 3.0) if kind == "quantized_relu" else None
        return ql.QAdaptiveActivation(
            kind, bits, per_channel=self.pick(False, True), relu_upper_bound=bound, name=self.name("adaptive")
        )(x)

    def window(self) -> dict[str, Any]:
        strides = self.pick(1, 1, 2)
        return {"kernel_size": self.pick(2, (1, 2), 3), "strides": strides, "padding": self.pick("same", "valid"),
                "dilation_rate": self.pick(1, 1, 2) if strides == 1 else 1}  # fmt: skip

    def small(self, x: Any, rank: int = 2) -> dict[str, Any]:
        """A window that fits into x."""
        found = self.window()
        found["kernel_size"] = self.pick(1, 2) if min(x.shape[1 : 1 + rank]) < 4 else self.pick(2, 3)
        found["dilation_rate"] = 1
        return found if min(x.shape[1 : 1 + rank]) >= 2 else {"kernel_size": 1}

    def ends(self) -> dict[str, Any]:
        return {"bias_quantizer": self.bias(), "use_bias": self.pick(True, True, False)}

    def transposed(self, x: Any) -> Any:
        layer = ql.QConv2DTranspose(
            self.pick(1, 2), kernel_quantizer=self.dyadic(), **self.window(), **self.ends(), name=self.name("up")
        )
        return layer(x)

    def separable(self, x: Any) -> Any:
        rank, times = len(x.shape) - 2, self.pick(1, 1, 2)
        kind = ql.QSeparableConv1D if rank == 1 else ql.QSeparableConv2D
        scales = {
            "depthwise_quantizer": self.any_scale() if times == 1 else self.dyadic(),
            "pointwise_quantizer": self.any_scale(),
        }
        layer = kind(
            self.pick(1, 2, 3), depth_multiplier=times, **scales, **self.small(x, rank), **self.ends(),
            activation=self.pick(None, q.quantized_relu(5, 2)), name=self.name("separable"),
        )  # fmt: skip
        return layer(x)

    def separable_transposed(self, x: Any) -> Any:
        early = self.pick(None, q.quantized_relu(4, 2), q.quantized_bits(5, 2, alpha=1))
        layer = ql.QSeparableConv2DTranspose(
            self.pick(1, 2),
            depthwise_activation=early,
            pointwise_activation=self.pick(None, q.quantized_bits(6, 3, alpha=1)),
            depthwise_kernel_quantizer=self.dyadic() if early is None else self.any_scale(),
            pointwise_kernel_quantizer=self.dyadic(),
            **self.window(),
            **self.ends(),
            name=self.name("lift"),
        )
        return layer(x)

    def depthwise_transposed(self, x: Any) -> Any:
        channels = int(x.shape[-1])
        layer = ql.QDepthwiseConv2DTranspose(
            channels,
            group_size=self.pick(1, channels),
            depthwise_activation=self.pick(None, q.quantized_tanh(5)),
            depthwise_kernel_quantizer=self.dyadic(),
            **self.window(),
            name=self.name("spread"),
        )
        return layer(x)

    def normal(self) -> dict[str, Any]:
        return {"bias_quantizer": self.pick(None, q.quantized_bits(8, 3, alpha=1)), "use_bias": self.pick(True, False),
                "folding_mode": self.pick("ema_stats_folding", "batch_stats_folding"),
                "scale": self.pick(True, True, False), "center": self.pick(True, True, False)}  # fmt: skip

    def folded(self, x: Any) -> Any:
        layer = ql.QConv2DBatchnorm(
            self.pick(1, 2, 3), kernel_quantizer=self.any_scale(), **self.small(x), **self.normal(),
            name=self.name("convbn"),
        )  # fmt: skip
        return layer(x)

    def folded_depthwise(self, x: Any) -> Any:
        layer = ql.QDepthwiseConv2DBatchnorm(
            depthwise_quantizer=self.dyadic(), **self.small(x), **self.normal(), name=self.name("depthbn")
        )
        return layer(x)

    def folded_dense(self, x: Any) -> Any:
        layer = ql.QDenseBatchnorm(
            int(self.rng.integers(1, 5)), kernel_quantizer=self.any_scale(), **self.normal(), name=self.name("densebn")
        )
        return layer(x)

    def scaled(self, x: Any) -> Any:
        layer = ql.QScaleShift(
            self.dyadic(), self.pick(None, q.quantized_bits(5, 2, alpha=1)), use_bias=self.pick(True, False),
            activation=self.pick(None, q.quantized_bits(6, 2, alpha=1)), name=self.name("scale"),
        )  # fmt: skip
        return layer(x)

    def randomize(self, model: Any) -> None:
        """Weights that use their formats, statistics away from 0 and 1, a few integer bits."""
        for layer in model.layers:
            for weight in layer.weights:
                if weight.name in ("step", "iteration"):
                    continue
                values = self.rng.normal(size=weight.shape) * 0.6
                if weight.name == "integer":
                    values = self.rng.integers(0, 3, weight.shape)
                elif "variance" in weight.name or weight.name == "gamma":
                    values = self.rng.uniform(0.3, 2, weight.shape)
                weight.assign(np.asarray(values).astype(weight.dtype))
