"""Models of HGQ2 and HGQ-LUT: `.keras` archives as our models, read without that package."""

from bitwright.frontends.hgq.read import explained_layers, is_hgq, read_hgq

__all__ = ["explained_layers", "is_hgq", "read_hgq"]
