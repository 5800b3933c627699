-- Calls by column (vnroute/calls/packed.py): what different callers and concurrent calls are counted
-- from. "first" is the id of a part's first call.
CREATE TABLE packed_calls (
    day BIGINT NOT NULL,
    first BIGINT NOT NULL,
    level BIGINT NOT NULL,
    calls BIGINT NOT NULL,
    body BYTEA NOT NULL,
    PRIMARY KEY (day, first)
);

-- Days that hold calls of before: up to which id they are read from the calls themselves. They are
-- packed little by little, when there is nothing else to store.
CREATE TABLE unpacked (
    day BIGINT PRIMARY KEY,
    upto BIGINT NOT NULL
);

INSERT INTO unpacked
    SELECT day, (SELECT value FROM counters WHERE name = 'calls') FROM days WHERE calls > 0;

-- Sums of days without countries: what most reports ask for, and far fewer rows.
CREATE TABLE account_days (
    day BIGINT NOT NULL,
    campaign TEXT COLLATE "C" NOT NULL,
    account TEXT COLLATE "C" NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    calls BIGINT NOT NULL,
    answered BIGINT NOT NULL,
    busy BIGINT NOT NULL,
    no_answer BIGINT NOT NULL,
    declined BIGINT NOT NULL,
    cancelled BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    refused BIGINT NOT NULL,
    talk_ms BIGINT NOT NULL,
    pdd_ms BIGINT NOT NULL,
    pdd_calls BIGINT NOT NULL,
    cost BIGINT NOT NULL,
    receive_cost BIGINT NOT NULL,
    price BIGINT NOT NULL,
    unrated BIGINT NOT NULL,
    unpriced BIGINT NOT NULL,
    PRIMARY KEY (day, campaign, account, currency)
);

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
