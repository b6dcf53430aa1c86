"""Exploration: every legal folding, kernel and memory of a network under a device's budget, the optimum proved."""

from bitwright.explore.architectures import (
    ARCHITECTURES,
    Architectures,
    Choice,
    additions,
    explore_architectures,
)
from bitwright.explore.candidates import Candidate, Stage, Wire, layer_area, stages_of
from bitwright.explore.explore import Objective, Task, best_plan, explore_graph, pareto, task_of
from bitwright.explore.greedy import greedy_plan
from bitwright.explore.offload import OffloadLayer, OffloadPlan, offload_lanes, plan_offload
from bitwright.explore.plan import (
    Binding,
    LayerPlan,
    Plan,
    foldings_from_json,
    foldings_to_json,
    plan_from_record,
    plan_record,
)
from bitwright.explore.roofs import operations, points_of, product_area, products_of

__all__ = [
    "ARCHITECTURES",
    "Architectures",
    "Binding",
    "Candidate",
    "Choice",
    "LayerPlan",
    "Objective",
    "OffloadLayer",
    "OffloadPlan",
    "Plan",
    "Stage",
    "Task",
    "Wire",
    "additions",
    "best_plan",
    "explore_architectures",
    "explore_graph",
    "foldings_from_json",
    "foldings_to_json",
    "greedy_plan",
    "layer_area",
    "offload_lanes",
    "operations",
    "pareto",
    "plan_from_record",
    "plan_offload",
    "plan_record",
    "points_of",
    "product_area",
    "products_of",
    "stages_of",
    "task_of",
]
