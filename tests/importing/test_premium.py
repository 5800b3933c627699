"""Premium and revenue-share numbers as targets: refused unless the account allows them."""

from __future__ import annotations

import pytest

TARGETS = {
    "GB personal": "+447012345678", "GB revenue share": "+448712345678",
    "GB premium": "+449098790001",
    "FR": "+33891123456", "DE": "+499001654321", "IT": "+39899123456", "ES": "+34803123456",
    "AU": "+611900654321", "US": "+19002345678", "satellite": "+8816123456789",
    "network": "+882101234567", "international premium": "+979123456789",
}  # fmt: skip


@pytest.mark.parametrize("target", TARGETS.values(), ids=list(TARGETS))
def test_a_plan_may_not_ring_it_unless_its_account_allows(furnished, target: str) -> None:
    plan = 'plans:\n  - {id: odd, account: acme, steps: [{ring: ["%s"]}, {hangup: relay}]}\n'
    told = furnished.refused(("r.yaml", plan % target))
    assert any("premium" in one and "allow_premium" in one for one in told), told
    account = "accounts:\n  - {id: rich, allow_premium: true}\n"
    text = account + plan.replace("acme", "rich") % target
    assert furnished.load(("r.yaml", text)).total.added == 2
