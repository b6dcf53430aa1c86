"""Networks to begin with and to compare by: published ones in any bit widths, with random weights from a seed.

`names`, `build` and `operations` are the way in; `recipe` holds the networks of the demo with their training.
"""

from __future__ import annotations

from bitwright.train.zoo.convolutional import cnv, dorefa_alexnet, svhn_cnn, tincy_yolo
from bitwright.train.zoo.facts import Facts, LayerFacts, operations
from bitwright.train.zoo.mobile import ds_cnn, mobilenet_v1
from bitwright.train.zoo.perceptrons import anomaly_autoencoder, autoencoder, kws_mlp, lfc, sfc, tfc
from bitwright.train.zoo.recipes import Recipe, digits, jet_tagger, mlp, mnist_pooled, quantized_mlp, recipe
from bitwright.train.zoo.recurrent import gru, lstm
from bitwright.train.zoo.registry import build, builder, names
from bitwright.train.zoo.residual import resnet8, resnet18, resnet18_block

__all__ = [
    "Facts",
    "LayerFacts",
    "Recipe",
    "anomaly_autoencoder",
    "autoencoder",
    "build",
    "builder",
    "cnv",
    "digits",
    "dorefa_alexnet",
    "ds_cnn",
    "gru",
    "jet_tagger",
    "kws_mlp",
    "lfc",
    "lstm",
    "mlp",
    "mnist_pooled",
    "mobilenet_v1",
    "names",
    "operations",
    "quantized_mlp",
    "recipe",
    "resnet8",
    "resnet18",
    "resnet18_block",
    "sfc",
    "svhn_cnn",
    "tfc",
    "tincy_yolo",
]
