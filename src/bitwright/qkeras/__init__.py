"""QKeras's names on Keras 3: `import bitwright.qkeras as qkeras` runs a QKeras program unchanged.

A door and nothing else: every module here re-exports, under QKeras's module name, what other rooms do.
"""

# ruff: noqa: F403

from __future__ import annotations

from bitwright.qkeras.b2t import *
from bitwright.qkeras.bn_folding_utils import *
from bitwright.qkeras.callbacks import *
from bitwright.qkeras.codebook import *
from bitwright.qkeras.estimate import *
from bitwright.qkeras.qconv2d_batchnorm import *
from bitwright.qkeras.qconvolutional import *
from bitwright.qkeras.qdense_batchnorm import *
from bitwright.qkeras.qdepthwise_conv2d_transpose import *
from bitwright.qkeras.qdepthwiseconv2d_batchnorm import *
from bitwright.qkeras.qlayers import *
from bitwright.qkeras.qmac import *
from bitwright.qkeras.qnormalization import *
from bitwright.qkeras.qoctave import *
from bitwright.qkeras.qpooling import *
from bitwright.qkeras.qrecurrent import *
from bitwright.qkeras.qseparable_conv2d_transpose import *
from bitwright.qkeras.quantizer_imports import *
from bitwright.qkeras.quantizer_registry import *
from bitwright.qkeras.quantizers import *
from bitwright.qkeras.registry import *
from bitwright.qkeras.safe_eval import *
from bitwright.qkeras.utils import *

__version__ = "0.9.0"
