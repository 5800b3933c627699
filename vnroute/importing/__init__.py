"""Routing files, number lists and rate decks, into the store: all of a load, or nothing of it."""

from vnroute.importing.inputs import Input, guess_kind
from vnroute.importing.loading import Progress, Report, load

__all__ = ["Input", "Progress", "Report", "guess_kind", "load"]
