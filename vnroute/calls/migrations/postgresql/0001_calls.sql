-- Calls, their legs (a partition a day, made with its first call), and the figures that reports
-- read. Times are Unix microseconds, days are UTC as 20261122, money is whole units of 1e-8 (a rate
-- has eight decimals at most), NULL where unknown.

CREATE TABLE schema_version (
    version BIGINT PRIMARY KEY,
    applied TEXT COLLATE "C" NOT NULL
);

-- How far each spool has been stored; written in the transaction that stores.
CREATE TABLE spools (
    spool TEXT COLLATE "C" PRIMARY KEY,
    segment BIGINT NOT NULL,
    "offset" BIGINT NOT NULL
);

-- The last id given to a call ("calls"), the change counter of the routing store that the decks come
-- from ("decks"), how far a webhook has been told ("webhook URL").
CREATE TABLE counters (
    name TEXT COLLATE "C" PRIMARY KEY,
    value BIGINT NOT NULL
);

-- One record a call, for ever: what the switch posts twice is known by this, even when the call
-- itself is in the archive. The key is the uuid's 16 bytes (vnroute/calls/keys.py).
CREATE TABLE known (
    key BYTEA PRIMARY KEY,
    call BIGINT NOT NULL,
    day BIGINT NOT NULL
);

-- Days that calls began on: how long the longest was, and up to which id they are archived.
CREATE TABLE days (
    day BIGINT PRIMARY KEY,
    calls BIGINT NOT NULL,
    longest_ms BIGINT NOT NULL,
    archived BIGINT NOT NULL
);

CREATE TABLE calls (
    id BIGINT NOT NULL,
    uuid TEXT COLLATE "C" NOT NULL,
    day BIGINT NOT NULL,
    started BIGINT NOT NULL,
    answered BIGINT NOT NULL,
    ended BIGINT NOT NULL,
    received BIGINT NOT NULL,
    switch TEXT COLLATE "C" NOT NULL,
    number TEXT COLLATE "C" NOT NULL,
    account TEXT COLLATE "C" NOT NULL,
    plan TEXT COLLATE "C" NOT NULL,
    campaign TEXT COLLATE "C" NOT NULL,
    generation BIGINT NOT NULL,
    hops BIGINT NOT NULL,
    routed BIGINT NOT NULL,
    outcome TEXT COLLATE "C" NOT NULL,
    refused TEXT COLLATE "C" NOT NULL,
    cause TEXT COLLATE "C" NOT NULL,
    q850 BIGINT NOT NULL,
    sip BIGINT NOT NULL,
    caller TEXT COLLATE "C" NOT NULL,
    caller_name TEXT COLLATE "C" NOT NULL,
    country TEXT COLLATE "C" NOT NULL,
    area TEXT COLLATE "C" NOT NULL,
    pdd_ms BIGINT,
    duration_ms BIGINT NOT NULL,
    talk_ms BIGINT NOT NULL,
    clock_off BIGINT NOT NULL,
    cost BIGINT,
    cost_currency TEXT COLLATE "C" NOT NULL,
    receive_cost BIGINT,
    receive_currency TEXT COLLATE "C" NOT NULL,
    price BIGINT,
    price_currency TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (id, day)
) PARTITION BY LIST (day);

CREATE TABLE legs (
    call BIGINT NOT NULL,
    day BIGINT NOT NULL,
    attempt BIGINT NOT NULL,
    uuid TEXT COLLATE "C" NOT NULL,
    carrier TEXT COLLATE "C" NOT NULL,
    gateway TEXT COLLATE "C" NOT NULL,
    dialled TEXT COLLATE "C" NOT NULL,
    destination TEXT COLLATE "C" NOT NULL,
    outcome TEXT COLLATE "C" NOT NULL,
    cause TEXT COLLATE "C" NOT NULL,
    sip BIGINT NOT NULL,
    pdd_ms BIGINT,
    talk_ms BIGINT NOT NULL,
    prefix TEXT COLLATE "C" NOT NULL,
    rate TEXT COLLATE "C" NOT NULL,
    fee TEXT COLLATE "C" NOT NULL,
    billed_seconds BIGINT NOT NULL,
    cost BIGINT,
    currency TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (call, attempt, day)
) PARTITION BY LIST (day);

-- JSON that should have been readable and was not: kept until somebody has looked at it.
CREATE TABLE raw_records (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    received BIGINT NOT NULL,
    body BYTEA NOT NULL
);

-- Sums, kept with the calls in one transaction, so they are exact at every moment. Money is summed
-- by currency: a call counts in the row of its price's currency (else its cost's), and each amount
-- in the row of its own.
CREATE TABLE campaign_days (
    day BIGINT NOT NULL,
    campaign TEXT COLLATE "C" NOT NULL,
    account TEXT COLLATE "C" NOT NULL,
    country TEXT COLLATE "C" NOT NULL,
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
    PRIMARY KEY (day, campaign, account, country, currency)
);

CREATE TABLE campaign_hours (
    day BIGINT NOT NULL,
    hour BIGINT NOT NULL,
    campaign TEXT COLLATE "C" NOT NULL,
    account TEXT COLLATE "C" NOT NULL,
    calls BIGINT NOT NULL,
    answered BIGINT NOT NULL,
    talk_ms BIGINT NOT NULL,
    PRIMARY KEY (day, hour, campaign, account)
);

-- Where calls come from: country, and area within it as far as the caller's number tells.
CREATE TABLE source_days (
    day BIGINT NOT NULL,
    campaign TEXT COLLATE "C" NOT NULL,
    account TEXT COLLATE "C" NOT NULL,
    country TEXT COLLATE "C" NOT NULL,
    area TEXT COLLATE "C" NOT NULL,
    calls BIGINT NOT NULL,
    answered BIGINT NOT NULL,
    talk_ms BIGINT NOT NULL,
    PRIMARY KEY (day, campaign, account, country, area)
);

CREATE TABLE number_days (
    day BIGINT NOT NULL,
    number TEXT COLLATE "C" NOT NULL,
    campaign TEXT COLLATE "C" NOT NULL,
    account TEXT COLLATE "C" NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    calls BIGINT NOT NULL,
    answered BIGINT NOT NULL,
    refused BIGINT NOT NULL,
    talk_ms BIGINT NOT NULL,
    cost BIGINT NOT NULL,
    receive_cost BIGINT NOT NULL,
    price BIGINT NOT NULL,
    unrated BIGINT NOT NULL,
    unpriced BIGINT NOT NULL,
    PRIMARY KEY (day, number, campaign, account, currency)
);

CREATE TABLE carrier_days (
    day BIGINT NOT NULL,
    carrier TEXT COLLATE "C" NOT NULL,
    gateway TEXT COLLATE "C" NOT NULL,
    destination TEXT COLLATE "C" NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    legs BIGINT NOT NULL,
    answered BIGINT NOT NULL,
    busy BIGINT NOT NULL,
    no_answer BIGINT NOT NULL,
    declined BIGINT NOT NULL,
    cancelled BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    talk_ms BIGINT NOT NULL,
    pdd_ms BIGINT NOT NULL,
    pdd_legs BIGINT NOT NULL,
    cost BIGINT NOT NULL,
    unrated BIGINT NOT NULL,
    PRIMARY KEY (day, carrier, gateway, destination, currency)
);

-- Who called a campaign in a month, and how many did so at all and again.
CREATE TABLE campaign_callers (
    month BIGINT NOT NULL,
    campaign TEXT COLLATE "C" NOT NULL,
    caller TEXT COLLATE "C" NOT NULL,
    calls BIGINT NOT NULL,
    PRIMARY KEY (month, campaign, caller)
);

CREATE TABLE campaign_months (
    month BIGINT NOT NULL,
    campaign TEXT COLLATE "C" NOT NULL,
    callers BIGINT NOT NULL,
    repeat_callers BIGINT NOT NULL,
    PRIMARY KEY (month, campaign)
);

-- Decks as they were. Of the rows of a key the one with the greatest "since" not after a call's
-- start counts; an empty rate means that the row was withdrawn then. kind is carrier (our cost) or
-- account (our price); "effective" and "ends" are Unix seconds, "since" Unix microseconds.
CREATE TABLE deck_rates (
    kind TEXT COLLATE "C" NOT NULL,
    prefix TEXT COLLATE "C" NOT NULL,
    owner TEXT COLLATE "C" NOT NULL,
    origin TEXT COLLATE "C" NOT NULL,
    time_class TEXT COLLATE "C" NOT NULL,
    effective BIGINT NOT NULL,
    since BIGINT NOT NULL,
    ends BIGINT NOT NULL,
    rate TEXT COLLATE "C" NOT NULL,
    fee TEXT COLLATE "C" NOT NULL,
    first_seconds BIGINT NOT NULL,
    next_seconds BIGINT NOT NULL,
    blocked BIGINT NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (kind, prefix, owner, origin, time_class, effective, since)
);

CREATE TABLE deck_gateways (
    gateway TEXT COLLATE "C" PRIMARY KEY,
    carrier TEXT COLLATE "C" NOT NULL,
    before TEXT COLLATE "C" NOT NULL,
    after TEXT COLLATE "C" NOT NULL
);
