"""The tuning file: its schema (`schema`) and the values in force (`current`)."""

from cachestats.config.current import current
from cachestats.config.schema import Config, Effective

__all__ = ["Config", "Effective", "current"]
