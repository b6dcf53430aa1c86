"""Every public name of QKeras stands behind the door, in the module where programs look for it."""

from __future__ import annotations

from importlib import import_module

import pytest

NAMES = {
    "autoqkeras": "AutoQKeras AutoQKerasScheduler AutoQKHyperModel default_quantization_config "
                  "get_quantization_dictionary print_qmodel_summary save_quantization_dict",
    "autoqkeras.autoqkeras_internal": "AutoQKHyperModel AutoQKeras AutoQKerasScheduler Q_LAYERS REGISTERED_LAYERS "
                                      "SEQUENCE_LAYERS",
    "autoqkeras.forgiving_metrics": "ForgivingFactor ForgivingFactorBits ForgivingFactorPower forgiving_factor",
    "autoqkeras.forgiving_metrics.forgiving_bits": "ForgivingFactorBits",
    "autoqkeras.forgiving_metrics.forgiving_energy": "ForgivingFactorPower",
    "autoqkeras.forgiving_metrics.forgiving_factor": "ForgivingFactor",
    "autoqkeras.quantization_config": "default_quantization_config",
    "autoqkeras.utils": "get_quantization_dictionary print_qmodel_summary save_quantization_dict",
    "b2t": "BinaryToThermometer",
    "base_quantizer": "BaseQuantizer",
    "bn_folding_utils": "convert_folded_layer_to_unfolded populate_bias_quantizer_from_accumulator unfold_model",
    "callbacks": "QNoiseScheduler",
    "codebook": "activation_compression create_in_out_table two_tier_embedding_compression weight_compression",
    "estimate": "analyze_accumulator analyze_accumulator_from_sample create_activation_cache extract_model_operations "
                "get_operation_type get_quant_mode print_qstats unfold_model",
    "qconv2d_batchnorm": "QConv2DBatchnorm",
    "qconvolutional": "QConv1D QConv2D QConv2DTranspose QDepthwiseConv2D QMobileNetSeparableConv2D QSeparableConv1D "
                      "QSeparableConv2D deconv_output_length",
    "qdense_batchnorm": "QDenseBatchnorm",
    "qdepthwise_conv2d_transpose": "QDepthwiseConv2DTranspose",
    "qdepthwiseconv2d_batchnorm": "QDepthwiseConv2DBatchnorm",
    "qlayers": "Clip QActivation QAdaptiveActivation QDense QInitializer get_auto_range_constraint_initializer "
               "get_constraint get_initializer",
    "qmac": "QScaleShift",
    "qnormalization": "QBatchNormalization",
    "qoctave": "OctaveConv2D QOctaveConv2D",
    "qpooling": "QAveragePooling2D QGlobalAveragePooling2D",
    "qrecurrent": "QBidirectional QGRU QGRUCell QLSTM QLSTMCell QSimpleRNN QSimpleRNNCell",
    "qseparable_conv2d_transpose": "QSeparableConv2DTranspose",
    "qtools.run_qtools": "QTools",
    "quantizer_registry": "lookup_quantizer register_quantizer",
    "quantizers": "BaseQuantizer bernoulli binary binary_sigmoid binary_tanh get_quantized_initializer get_quantizer "
                  "get_weight_scale hard_sigmoid hard_tanh quantized_bits quantized_hswish quantized_linear "
                  "quantized_po2 quantized_relu quantized_relu_po2 quantized_sigmoid quantized_tanh quantized_ulaw "
                  "set_internal_sigmoid smooth_sigmoid smooth_tanh stochastic_binary stochastic_round "
                  "stochastic_round_po2 stochastic_ternary ternary",
    "registry": "Registry",
    "safe_eval": "GetParams safe_eval",
    "utils": "_add_supported_quantized_objects add_bn_fusing_weights clone_model clone_model_and_freeze_auto_po2_scale "
             "convert_to_folded_model find_bn_fusing_layer_pair get_config get_model_sparsity get_y_from_TFOpLambda "
             "is_TFOpLambda_layer load_qmodel model_quantize model_save_quantized_weights print_model_sparsity "
             "quantize_activation quantized_model_debug quantized_model_dump quantized_model_from_json",
}  # fmt: skip
KEPT_IN_THEIR_MODULE = {
    # A star import would hide Keras's functions of these names.
    "clone_model",
    "get_config",
    "_add_supported_quantized_objects",
    "QTools",
}


@pytest.mark.parametrize("module", NAMES)
def test_every_module_has_its_names(module):
    found = import_module(f"bitwright.qkeras.{module}")
    missing = [name for name in NAMES[module].split() if not hasattr(found, name)]
    assert not missing


def test_a_star_import_brings_them_all():
    found = {}
    exec("from bitwright.qkeras import *", found)
    # `import qkeras` does not bring autoqkeras: it is imported by its own name.
    of_the_top = [names for module, names in NAMES.items() if not module.startswith("autoqkeras")]
    wanted = {name for names in of_the_top for name in names.split()} - KEPT_IN_THEIR_MODULE
    assert sorted(wanted - set(found)) == []
    assert "clone_model" not in found


def test_every_name_that_a_module_promises_is_there():
    for module in NAMES:
        found = import_module(f"bitwright.qkeras.{module}")
        assert [name for name in found.__all__ if not hasattr(found, name)] == []
