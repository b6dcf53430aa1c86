"""HGQ2's own predict, in an environment of its own: `python hgq_oracle.py MODEL in.npz out.npz`."""

import os
import sys

os.environ["KERAS_BACKEND"] = "jax"

if __name__ == "__main__":
    import hgq.layers
    import keras
    import numpy as np

    # Files of HGQ2 0.1 name its layers by another package.
    kinds = {f"hgq2>{name}": getattr(hgq.layers, name) for name in dir(hgq.layers) if name[:1] == "Q"}
    model = keras.models.load_model(sys.argv[1], compile=False, custom_objects=kinds)
    x = np.load(sys.argv[2])["x"]
    np.savez_compressed(sys.argv[3], y=model.predict(x, verbose=0, batch_size=len(x)))
