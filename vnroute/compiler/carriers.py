"""The sections CARRIERS, GATEWAYS and FORMATS: what each carrier is told of a call.

What does not differ from call to call is written here as FreeSWITCH reads it, so that the hot path
copies it (docs/dialling.md has the variables).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

from vnroute.compiler.hunting import carrier_table
from vnroute.compiler.limits import leg_limits
from vnroute.compiler.policies import whole_seconds
from vnroute.compiler.text import Texts
from vnroute.image.keys import Kind, page_key
from vnroute.image.program import SHOWS
from vnroute.model.carrier import Carrier, Gateway
from vnroute.model.dialling import Writing
from vnroute.model.e164 import digits_of
from vnroute.model.target import SHOW_WORDS

__all__ = ["CarrierRows"]

_CARRIER = struct.Struct("<IIQ")
_GATEWAY = struct.Struct("<IHBBIIHHIQ")
_FORMAT = struct.Struct("<QII")

_CALLER, _TRUSTED = 1, 2
_TOLD = {"none": 0, "diversion": 4, "history-info": 8}
"""Flags of a gateway's record (GATEWAY_… in records.pxd)."""

_SHOW_TARGET = len(SHOWS)
_CID_TYPES = {"pai": "pid", "rpid": "rpid", "none": "none"}
"""FreeSWITCH's words for P-Asserted-Identity, Remote-Party-ID and neither (sip_cid_type)."""


class CarrierRows:
    """The three sections' rows, and how many gateways and formats there are."""

    def __init__(self, texts: Texts, carriers: Iterable[Carrier]) -> None:
        self.carriers = bytearray()
        self.gateways = bytearray()
        self.formats = bytearray()
        self.count = 0
        self._texts = texts
        self._formats: dict[tuple[str, tuple[Writing, ...]], int] = {}
        self.format_count = 0
        for row, carrier in enumerate(carriers):
            self.carriers += texts.packed(carrier.id) + _CARRIER.pack(
                self.count, len(carrier.gateways), page_key(Kind.CARRIER, carrier.id)
            )
            self.count += len(carrier.gateways)
            for gateway in carrier.gateways:
                self.gateways += self._gateway(row, carrier, gateway)

    def _gateway(self, row: int, carrier: Carrier, gateway: Gateway) -> bytes:
        asserted = f",sip_cid_type={_CID_TYPES[gateway.asserted]}" if gateway.asserted else ""
        shown = gateway.show if gateway.show not in SHOW_WORDS else ""
        show = "fixed" if shown else gateway.show
        dials = self._rows(f"sofia/gateway/{gateway.gateway}/", gateway.dials())
        callers = self._rows("", gateway.callers())
        flags = _TOLD[gateway.diversion]
        if gateway.show or gateway.trusted or gateway.callers():
            flags |= _CALLER
        if gateway.trusted:
            flags |= _TRUSTED
        texts = (
            gateway.id,
            _variables(carrier, gateway),
            asserted,
            f"+{digits_of(shown)}" if shown else "",
        )
        return b"".join(self._texts.packed(text) for text in texts) + _GATEWAY.pack(
            row,
            whole_seconds(gateway.progress_seconds),
            SHOWS.index(show) if show else _SHOW_TARGET,
            flags,
            dials,
            callers,
            len(gateway.dials()),
            len(gateway.callers()),
            0,
            page_key(Kind.GATEWAY, gateway.id),
        )

    def _rows(self, before: str, writings: tuple[Writing, ...]) -> int:
        """Return the first row of what writes a number, which is added if it is new."""
        found = self._formats.get((before, writings))
        if found is None:
            found = self._formats[before, writings] = self.format_count
            self.format_count += len(writings)
            for writing in writings:
                prefix = writing.prefix
                self.formats += _FORMAT.pack(int(prefix or 0), len(prefix), writing.strip)
                self.formats += self._texts.packed(before + writing.before)
                self.formats += self._texts.packed(writing.after)
        return found


def _variables(carrier: Carrier, gateway: Gateway) -> str:
    """Return what always stands in the brackets of a gateway's legs, each behind a comma."""
    variables = []
    if gateway.codecs:
        # ^^: is FreeSWITCH's notation for a list that is parted by something else than commas.
        mark = "^^:" if len(gateway.codecs) > 1 else ""
        variables.append(f"absolute_codec_string={mark}{':'.join(gateway.codecs)}")
    variables += [f"sip_h_{name}={value}" for name, value in gateway.headers.items()]
    if carrier.hunt:
        # The pattern of the guard reads it off the bridge's argument (vnroute.compiler.hunting).
        variables.append(f"vn_hunt={carrier_table(carrier.hunt)}")
    return leg_limits(carrier, gateway) + "".join(f",{variable}" for variable in variables)
