"""The dataflow level: actors with a folding, channels with a depth, and static schedules."""

from bitwright.ir.dataflow.check import check
from bitwright.ir.dataflow.dataflow import SINK, Channel, Dataflow, DataflowBuilder, Edge
from bitwright.ir.dataflow.execute import Execute
from bitwright.ir.dataflow.infer import infer, kernel_of, tail_of
from bitwright.ir.dataflow.run import evaluate, phases_of, run, trace
from bitwright.ir.dataflow.schedule import Process, Wait, schedule
from bitwright.ir.dataflow.text import parse, show
from bitwright.ir.dataflow.types import Stream
from bitwright.ir.dataflow.walk import order, released

__all__ = [
    "SINK",
    "Channel",
    "Dataflow",
    "DataflowBuilder",
    "Edge",
    "Execute",
    "Process",
    "Stream",
    "Wait",
    "check",
    "evaluate",
    "infer",
    "kernel_of",
    "order",
    "parse",
    "phases_of",
    "released",
    "run",
    "schedule",
    "show",
    "tail_of",
    "trace",
]
