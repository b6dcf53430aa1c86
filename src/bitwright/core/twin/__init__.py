"""The native module in Python: the same results, bit for bit, some fifty times slower.

It is what the tests compare the compiled code with, and what works where nothing could be compiled.
Its modules follow the files of `src/native`: a change there is a change here.
"""

from bitwright.core.twin.adders import adder_graph
from bitwright.core.twin.chain import plan_chain
from bitwright.core.twin.digits import csd
from bitwright.core.twin.pipeline import earliest_stages, least_registers
from bitwright.core.twin.sum_graph import sum_graph
from bitwright.core.twin.timetable import settle

__all__ = ["adder_graph", "csd", "earliest_stages", "least_registers", "plan_chain", "settle", "sum_graph"]
