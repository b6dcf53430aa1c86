"""QKeras's `qkeras.experimental`."""
