"""Global variables of FreeSWITCH that a plan may name: those of fs-conf/vars.xml."""

from __future__ import annotations

from typing import Final

GLOBALS: Final[dict[str, str]] = {
    "vn_next": (
        r"^(?|().{5}#(?:.*:)?([^|:]{36}).(?!(?:UNWANTED|USER_BUSY|EXCHANGE_ROUTING_ERROR|ALLOT"
        r"TED_TIMEOUT)#|CALL_REJECTED#(?!(?:401|402|403|407)#)|UNALLOCATED_NUMBER#404#|NO_USER"
        r"_RESPONSE#480#|INVALID_NUMBER_FORMAT#484#|INCOMPATIBLE_DESTINATION#488#|NORMAL_CLEAR"
        r"ING#)([A-Z_]+)#([^#]*)#([^[]*)(?!.*vn_hunt=[^],]*\b\3\4?[os][^]]*=\2)|(.{5})#(?:.*:)"
        r"?([^|:]{36}).(?=UNALLOCATED_NUMBER#404#|NO_USER_RESPONSE#480#|INVALID_NUMBER_FORMAT#"
        r"484#|INCOMPATIBLE_DESTINATION#488#)([A-Z_]+)#([^#]*)#(?!.o=1)([^[]*)(?!.*vn_hunt=[^]"
        r",]*\b\3\4?[ns][^]]*=\2)|().{5}#(?:.*:)?([^|:]{36}).([A-Z_]+)#([^#]*)#([^[]*)(?=.*vn_"
        r"hunt=[^],]*\b\3\4?n[^]]*=\2)|(.{5})#(?:.*:)?([^|:]{36}).([A-Z_]+)#([^#]*)#(?!.o=1)(["
        r"^[]*)(?=.*vn_hunt=[^],]*\b\3\4?o[^]]*=\2)).*=\2[^|]*[|](.+)~%1%5%6~n"
    ),
    "vn_relay": (
        r"^(?|.*;(USER_BUSY)|.*(?=.{37}(CALL_REJECTED)(?!#40))..(..)(?!.*:..\2)|.*;(UNWANTED)|.*"
        r";(?:NO_ANSWER|ALLOTTED_TIMEOUT|NORMAL_CLEARING)()|.*;NO_USER_RESPONSE()|.*;(EXCHANGE_R"
        r"OUTING_ERROR)|.*;(NUMBER_CHANGED)|.*;(UNALLOCATED_NUMBER)|.*;(INVALID_NUMBER_FORMAT)|."
        r"*;(INCOMPATIBLE_DESTINATION)|.*;(41))~%1"
    ),
    "vn_relay_together": (
        r"^(?|.*;(USER_BUSY)|.*;(CALL_REJECTED)|.*;(UNWANTED)|.*;(?:NO_ANSWER|ALLOTTED_TIMEOUT|N"
        r"ORMAL_CLEARING)()|.*;NO_USER_RESPONSE()|.*;(EXCHANGE_ROUTING_ERROR)|.*;(NUMBER_CHANGED"
        r")|.*;(UNALLOCATED_NUMBER)|.*;(INVALID_NUMBER_FORMAT)|.*;(INCOMPATIBLE_DESTINATION)|.*;"
        r"(41))~%1"
    ),
}
"""A channel that does not have a variable is asked for the global one (switch_channel.c). A test
holds these to vars.xml and to what vnroute expects of it."""
