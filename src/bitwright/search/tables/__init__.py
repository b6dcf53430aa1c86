"""Networks whose neurons are lookup tables: trained, pruned by importance, a whole front of them."""

from __future__ import annotations

from bitwright.search.gradient.tables import Tables
from bitwright.search.tables.model import model_of
from bitwright.search.tables.plan import widths_of
from bitwright.search.tables.run import FoundTables, table_front

__all__ = ["FoundTables", "Tables", "model_of", "table_front", "widths_of"]
