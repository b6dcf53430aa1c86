"""What the actors of streaming designs take: LUTs, flip-flops, carry cells, multipliers, block memories."""

from bitwright.cost.actors import recur, search
from bitwright.cost.actors.channels import channel_area
from bitwright.cost.actors.memories import block_area, ram_area, rom_area
from bitwright.cost.actors.predict import StreamPrediction, predict_stream
from bitwright.cost.actors.rules import actor_area

__all__ = [
    "StreamPrediction",
    "actor_area",
    "block_area",
    "channel_area",
    "predict_stream",
    "ram_area",
    "recur",
    "rom_area",
    "search",
]
