-- Sums of whole months, so that a report of one need not add up its days: kept with the others, in
-- the transaction that stores a call.

CREATE TABLE campaign_by_month (
    month INTEGER NOT NULL,
    campaign TEXT NOT NULL,
    account TEXT NOT NULL,
    country TEXT NOT NULL,
    currency TEXT NOT NULL,
    calls INTEGER NOT NULL,
    answered INTEGER NOT NULL,
    busy INTEGER NOT NULL,
    no_answer INTEGER NOT NULL,
    declined INTEGER NOT NULL,
    cancelled INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    refused INTEGER NOT NULL,
    talk_ms INTEGER NOT NULL,
    pdd_ms INTEGER NOT NULL,
    pdd_calls INTEGER NOT NULL,
    cost INTEGER NOT NULL,
    receive_cost INTEGER NOT NULL,
    price INTEGER NOT NULL,
    unrated INTEGER NOT NULL,
    unpriced INTEGER NOT NULL,
    PRIMARY KEY (month, campaign, account, country, currency)
) STRICT, WITHOUT ROWID;

INSERT INTO campaign_by_month
    SELECT day / 100, campaign, account, country, currency,
        sum(calls),
        sum(answered),
        sum(busy),
        sum(no_answer),
        sum(declined),
        sum(cancelled),
        sum(failed),
        sum(refused),
        sum(talk_ms),
        sum(pdd_ms),
        sum(pdd_calls),
        sum(cost),
        sum(receive_cost),
        sum(price),
        sum(unrated),
        sum(unpriced)
    FROM campaign_days GROUP BY day / 100, campaign, account, country, currency;

CREATE TABLE campaign_hours_by_month (
    month INTEGER NOT NULL,
    hour INTEGER NOT NULL,
    campaign TEXT NOT NULL,
    account TEXT NOT NULL,
    calls INTEGER NOT NULL,
    answered INTEGER NOT NULL,
    talk_ms INTEGER NOT NULL,
    PRIMARY KEY (month, hour, campaign, account)
) STRICT, WITHOUT ROWID;

INSERT INTO campaign_hours_by_month
    SELECT day / 100, hour, campaign, account,
        sum(calls),
        sum(answered),
        sum(talk_ms)
    FROM campaign_hours GROUP BY day / 100, hour, campaign, account;

CREATE TABLE source_by_month (
    month INTEGER NOT NULL,
    campaign TEXT NOT NULL,
    account TEXT NOT NULL,
    country TEXT NOT NULL,
    area TEXT NOT NULL,
    calls INTEGER NOT NULL,
    answered INTEGER NOT NULL,
    talk_ms INTEGER NOT NULL,
    PRIMARY KEY (month, campaign, account, country, area)
) STRICT, WITHOUT ROWID;

INSERT INTO source_by_month
    SELECT day / 100, campaign, account, country, area,
        sum(calls),
        sum(answered),
        sum(talk_ms)
    FROM source_days GROUP BY day / 100, campaign, account, country, area;

CREATE TABLE number_by_month (
    month INTEGER NOT NULL,
    number TEXT NOT NULL,
    campaign TEXT NOT NULL,
    account TEXT NOT NULL,
    currency TEXT NOT NULL,
    calls INTEGER NOT NULL,
    answered INTEGER NOT NULL,
    refused INTEGER NOT NULL,
    talk_ms INTEGER NOT NULL,
    cost INTEGER NOT NULL,
    receive_cost INTEGER NOT NULL,
    price INTEGER NOT NULL,
    unrated INTEGER NOT NULL,
    unpriced INTEGER NOT NULL,
    PRIMARY KEY (month, number, campaign, account, currency)
) STRICT, WITHOUT ROWID;

INSERT INTO number_by_month
    SELECT day / 100, number, campaign, account, currency,
        sum(calls),
        sum(answered),
        sum(refused),
        sum(talk_ms),
        sum(cost),
        sum(receive_cost),
        sum(price),
        sum(unrated),
        sum(unpriced)
    FROM number_days GROUP BY day / 100, number, campaign, account, currency;
