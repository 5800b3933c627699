-- Calls by column (vnroute/calls/packed.py): what different callers and concurrent calls are counted
-- from. "first" is the id of a part's first call.
CREATE TABLE packed_calls (
    day INTEGER NOT NULL,
    first INTEGER NOT NULL,
    level INTEGER NOT NULL,
    calls INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (day, first)
) STRICT;

-- Days that hold calls of before: up to which id they are read from the calls themselves. They are
-- packed little by little, when there is nothing else to store.
CREATE TABLE unpacked (
    day INTEGER PRIMARY KEY,
    upto INTEGER NOT NULL
) STRICT;

INSERT INTO unpacked
    SELECT day, (SELECT value FROM counters WHERE name = 'calls') FROM days WHERE calls > 0;

-- Sums of days without countries: what most reports ask for, and far fewer rows.
CREATE TABLE account_days (
    day INTEGER NOT NULL,
    campaign TEXT NOT NULL,
    account TEXT NOT NULL,
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
    PRIMARY KEY (day, campaign, account, currency)
) STRICT, WITHOUT ROWID;

INSERT INTO account_days
    SELECT day, campaign, account, currency,
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
    FROM campaign_days GROUP BY day, campaign, account, currency;
