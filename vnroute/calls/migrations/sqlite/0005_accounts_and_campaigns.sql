-- Calls of one account or one campaign, the last first, among millions.
CREATE INDEX calls_by_account ON calls (account);
CREATE INDEX calls_by_campaign ON calls (campaign);
