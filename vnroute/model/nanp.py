"""Area codes of the United States and their states, for rates that ask whether a call stays in one.

Carriers there send three rates for a prefix: for calls from another state (interstate), from the
same one (intrastate), and where nobody can tell (indeterminate), such as from abroad, from a
toll-free number, or without a number. The measure is the area code: the caller's, and that of the
number by which carriers are chosen.

The table was made from the geocoding data of Google's libphonenumber (Apache License 2.0), as the
package phonenumbers 9 has it, and for the territories from its regions; tests hold it to the one
that is installed. A code that is newer than the table is in no state: such calls are indeterminate.
"""

from __future__ import annotations

from typing import Literal

__all__ = ["AREA_CODES", "JURISDICTIONS", "STATE_OF", "Jurisdiction", "jurisdiction", "state_of"]

Jurisdiction = Literal["interstate", "intrastate", "indeterminate"]
JURISDICTIONS: tuple[Jurisdiction, ...] = ("interstate", "intrastate", "indeterminate")

_TABLE = """\
AK 907
AL 205 251 256 334 659 938
AR 327 479 501 870
AS 684
AZ 480 520 602 623 928
CA 209 213 279 310 323 341 350 369 408 415 424 442 510 530 559 562 619 626 628 650 657 661
CA 669 707 714 738 747 760 805 818 820 831 840 858 909 916 925 949 951
CO 303 719 720 748 970 983
CT 203 475 860 959
DC 202 771
DE 302
FL 239 305 321 324 352 386 407 448 561 645 656 689 727 728 754 772 786 813 850 863 904 941
FL 954
GA 229 404 470 478 678 706 762 770 912 943
GU 671
HI 808
IA 319 515 563 641 712
ID 208 986
IL 217 224 309 312 331 447 464 618 630 708 730 773 779 815 847 872
IN 219 260 317 463 574 765 812 930
KS 316 620 785 913
KY 270 364 502 606 859
LA 225 318 337 504 985
MA 339 351 413 508 617 774 781 857 978
MD 227 240 301 410 443 667
ME 207
MI 231 248 269 313 517 586 616 734 810 906 947 989
MN 218 320 507 612 651 763 952
MO 235 314 417 557 573 636 660 816 975
MP 670
MS 228 601 662 769
MT 406
NC 252 336 472 704 743 828 910 919 980 984
ND 701
NE 308 402 531
NH 603
NJ 201 551 609 640 732 848 856 862 908 973
NM 505 575
NV 702 725 775
NY 212 315 329 332 347 363 516 518 585 607 631 646 680 716 718 838 845 914 917 929 934
OH 216 220 234 283 326 330 380 419 440 513 567 614 740 937
OK 405 539 572 580 918
OR 458 503 541 971
PA 215 223 267 272 412 445 484 570 582 610 717 724 814 835 878
PR 787 939
RI 401
SC 803 821 839 843 854 864
SD 605
TN 423 615 629 731 865 901 931
TX 210 214 254 281 325 346 361 409 430 432 469 512 682 713 726 737 806 817 830 832 903 915
TX 936 940 945 956 972 979
UT 385 435 801
VA 276 434 540 571 686 703 757 804 826 948
VI 340
VT 802
WA 206 253 360 425 509 564
WI 262 274 353 414 534 608 715 920
WV 304 681
WY 307
"""

STATE_OF: dict[str, str] = {
    code: line[:2] for line in _TABLE.splitlines() for code in line[3:].split()
}
"""By area code, the state, district or territory (ISO 3166-2:US, without the country)."""

AREA_CODES: dict[str, list[str]] = {}
"""By state, its area codes."""
for _code, _state in sorted(STATE_OF.items()):
    AREA_CODES.setdefault(_state, []).append(_code)


def state_of(digits: str) -> str:
    """Return the state that an E.164 number or prefix (digits) is in, empty for none."""
    return STATE_OF.get(digits[1:4], "") if digits[:1] == "1" else ""


def jurisdiction(caller: str, called: str) -> Jurisdiction:
    """Return what a call is by the area codes of both, E.164 digits; empty where not known."""
    to, start = state_of(called), state_of(caller)
    if not to or not start:
        return "indeterminate"
    return "intrastate" if to == start else "interstate"
