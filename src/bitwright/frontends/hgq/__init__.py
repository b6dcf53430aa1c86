"""Models of HGQ2 and HGQ-LUT: `.keras` archives as our models, read without that package."""

from bitwright.frontends.hgq.read import is_hgq, read_hgq

__all__ = ["is_hgq", "read_hgq"]
