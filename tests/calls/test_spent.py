"""What fraud rules read of stored calls, from either database."""

from __future__ import annotations

from tests.calls.test_store import DAY, call, put, store
from vnroute.calls.base import CallStore
from vnroute.calls.money import money
from vnroute.fraud.following import Following

__all__ = ["store"]


def test_the_leg_that_was_picked_up_else_the_last_one_tried(store: CallStore) -> None:
    failed = "NORMAL_TEMPORARY_FAILURE"
    put(
        store,
        call(call="a", legs=((1, failed), (0, "NONE")), talk=30.2),
        call(call="b", legs=((0, "USER_BUSY"), (1, failed)), dialled="0044207946#", talk=0),
        call(call="c", legs=(), account=""),
        call(call="d", legs=((0, "NONE"),), dialled="1001@pbx"),
    )
    follow = Following(store)
    found = {one.uuid: one for one in follow.behind(0)}
    assert list(found) == ["a", "b", "c", "d"] and follow.last() == 4
    assert (found["a"].to, found["a"].answered, found["a"].talk_ms) == ("12125550100", True, 30_200)
    assert money(found["a"].cost) == "0.002325" and found["a"].price is None
    assert (found["b"].to, found["b"].answered) == ("44207946", False)
    assert [found[name].to for name in "cd"] == ["", ""] and found["c"].account == ""
    assert [one.uuid for one in follow.behind(2)] == ["c", "d"]
    assert [one.uuid for one in follow.behind(0, most=3)] == ["a", "b", "c"]
    assert list(follow.behind(0, int((DAY + 3 * 86_400) * 1e6))) == []
