"""TFLite's reference kernels, in a process of their own: `python tflite_oracle.py MODEL COUNT out.npz`."""

import sys

if __name__ == "__main__":
    import numpy as np
    import tensorflow as tf

    from bitwright.frontends.tflite import read_file

    model = read_file(sys.argv[1])
    last = model.operators[-1]
    number = last.inputs[0] if last.kind == "SOFTMAX" else last.outputs[0]
    kernels = tf.lite.experimental.OpResolverType.BUILTIN_REF
    interpreter = tf.lite.Interpreter(
        sys.argv[1], experimental_op_resolver_type=kernels, experimental_preserve_all_tensors=True
    )
    interpreter.allocate_tensors()
    place = interpreter.get_input_details()[0]
    x = np.random.default_rng(5).integers(-128, 128, size=(int(sys.argv[2]), *place["shape"][1:])).astype(np.int8)
    y = []
    for sample in x:
        interpreter.set_tensor(place["index"], sample[None])
        interpreter.invoke()
        y.append(interpreter.get_tensor(number)[0].copy())
    np.savez_compressed(sys.argv[3], x=x, y=np.array(y))
