"""Area, delay and, later, energy: predictions that are shown beside measurements."""

from bitwright.cost.area import Area, area
from bitwright.cost.delay import delay_ns
from bitwright.cost.executed import JOINED
from bitwright.cost.predict import Prediction, predict

__all__ = ["JOINED", "Area", "Prediction", "area", "delay_ns", "predict"]
