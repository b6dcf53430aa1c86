"""Published networks in any bit widths, with random weights from a seed.

`names()` lists them, `build(name, weight_bits=..., activation_bits=...)` makes the Keras model, `operations(model)`
counts its products and parameters; each builder's docstring has its source and these counts.
"""

from __future__ import annotations

from bitwright.train.zoo import (
    Facts,
    LayerFacts,
    anomaly_autoencoder,
    autoencoder,
    build,
    builder,
    cnv,
    dorefa_alexnet,
    ds_cnn,
    gru,
    jet_tagger,
    kws_mlp,
    lfc,
    lstm,
    mobilenet_v1,
    names,
    operations,
    resnet8,
    resnet18,
    resnet18_block,
    sfc,
    svhn_cnn,
    tfc,
    tincy_yolo,
)

__all__ = [
    "Facts",
    "LayerFacts",
    "anomaly_autoencoder",
    "autoencoder",
    "build",
    "builder",
    "cnv",
    "dorefa_alexnet",
    "ds_cnn",
    "gru",
    "jet_tagger",
    "kws_mlp",
    "lfc",
    "lstm",
    "mobilenet_v1",
    "names",
    "operations",
    "resnet8",
    "resnet18",
    "resnet18_block",
    "sfc",
    "svhn_cnn",
    "tfc",
    "tincy_yolo",
]
