"""The TEXT section: every piece of text of an image, each distinct one once."""

from __future__ import annotations

import struct

__all__ = ["Texts"]

_TEXT = struct.Struct("<II")


class Texts:
    """Collects pieces of ASCII text and says where each lies."""

    def __init__(self) -> None:
        self.data = bytearray()
        self._places: dict[str, tuple[int, int]] = {}

    def place(self, text: str) -> tuple[int, int]:
        """Return (offset, size) of a text, which is added if it is new."""
        place = self._places.get(text)
        if place is None:
            encoded = text.encode("ascii")
            place = self._places[text] = (len(self.data), len(encoded))
            self.data += encoded
        return place

    def packed(self, text: str) -> bytes:
        """Return the same as the record that stands for a text."""
        return _TEXT.pack(*self.place(text))
