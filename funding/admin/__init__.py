"""The back office of funding: shows everything, edits nothing."""

from . import rows, settlement

__all__ = ["rows", "settlement"]
