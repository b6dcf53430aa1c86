"""From graphs to programs of the time-shared engine."""

from bitwright.passes.engine.schedule import ScheduleEngine

__all__ = ["ScheduleEngine"]
