-- Calls, their legs, and the figures that reports read. Times are Unix microseconds, days are UTC as
-- 20261122, money is whole units of 1e-8 (a rate has eight decimals at most), NULL where unknown.

CREATE TABLE schema_version (
    version INTEGER PRIMARY KEY,
    applied TEXT NOT NULL
) STRICT;

-- How far each spool has been stored; written in the transaction that stores.
CREATE TABLE spools (
    spool TEXT PRIMARY KEY,
    segment INTEGER NOT NULL,
    "offset" INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The last id given to a call ("calls"), the change counter of the routing store that the decks come
-- from ("decks"), how far a webhook has been told ("webhook URL").
CREATE TABLE counters (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- One record a call, for ever: what the switch posts twice is known by this, even when the call
-- itself is in the archive. The key is the uuid's 16 bytes (vnroute/calls/keys.py).
CREATE TABLE known (
    key BLOB PRIMARY KEY,
    call INTEGER NOT NULL,
    day INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Days that calls began on: how long the longest was, and up to which id they are archived.
CREATE TABLE days (
    day INTEGER PRIMARY KEY,
    calls INTEGER NOT NULL,
    longest_ms INTEGER NOT NULL,
    archived INTEGER NOT NULL
) STRICT;

CREATE TABLE calls (
    id INTEGER PRIMARY KEY,
    uuid TEXT NOT NULL,
    day INTEGER NOT NULL,
    started INTEGER NOT NULL,
    answered INTEGER NOT NULL,
    ended INTEGER NOT NULL,
    received INTEGER NOT NULL,
    switch TEXT NOT NULL,
    number TEXT NOT NULL,
    account TEXT NOT NULL,
    plan TEXT NOT NULL,
    campaign TEXT NOT NULL,
    generation INTEGER NOT NULL,
    hops INTEGER NOT NULL,
    routed INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    refused TEXT NOT NULL,
    cause TEXT NOT NULL,
    q850 INTEGER NOT NULL,
    sip INTEGER NOT NULL,
    caller TEXT NOT NULL,
    caller_name TEXT NOT NULL,
    country TEXT NOT NULL,
    area TEXT NOT NULL,
    pdd_ms INTEGER,
    duration_ms INTEGER NOT NULL,
    talk_ms INTEGER NOT NULL,
    clock_off INTEGER NOT NULL,
    cost INTEGER,
    cost_currency TEXT NOT NULL,
    receive_cost INTEGER,
    receive_currency TEXT NOT NULL,
    price INTEGER,
    price_currency TEXT NOT NULL
) STRICT;

CREATE INDEX calls_by_day ON calls (day);

CREATE TABLE legs (
    call INTEGER NOT NULL,
    day INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    uuid TEXT NOT NULL,
    carrier TEXT NOT NULL,
    gateway TEXT NOT NULL,
    dialled TEXT NOT NULL,
    destination TEXT NOT NULL,
    outcome TEXT NOT NULL,
    cause TEXT NOT NULL,
    sip INTEGER NOT NULL,
    pdd_ms INTEGER,
    talk_ms INTEGER NOT NULL,
    prefix TEXT NOT NULL,
    rate TEXT NOT NULL,
    fee TEXT NOT NULL,
    billed_seconds INTEGER NOT NULL,
    cost INTEGER,
    currency TEXT NOT NULL,
    PRIMARY KEY (call, attempt)
) STRICT, WITHOUT ROWID;

-- JSON that should have been readable and was not: kept until somebody has looked at it.
CREATE TABLE raw_records (
    id INTEGER PRIMARY KEY,
    received INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;

-- Sums, kept with the calls in one transaction, so they are exact at every moment. Money is summed
-- by currency: a call counts in the row of its price's currency (else its cost's), and each amount
-- in the row of its own.
CREATE TABLE campaign_days (
    day INTEGER NOT NULL,
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
    PRIMARY KEY (day, campaign, account, country, currency)
) STRICT, WITHOUT ROWID;

CREATE TABLE campaign_hours (
    day INTEGER NOT NULL,
    hour INTEGER NOT NULL,
    campaign TEXT NOT NULL,
    account TEXT NOT NULL,
    calls INTEGER NOT NULL,
    answered INTEGER NOT NULL,
    talk_ms INTEGER NOT NULL,
    PRIMARY KEY (day, hour, campaign, account)
) STRICT, WITHOUT ROWID;

-- Where calls come from: country, and area within it as far as the caller's number tells.
CREATE TABLE source_days (
    day INTEGER NOT NULL,
    campaign TEXT NOT NULL,
    account TEXT NOT NULL,
    country TEXT NOT NULL,
    area TEXT NOT NULL,
    calls INTEGER NOT NULL,
    answered INTEGER NOT NULL,
    talk_ms INTEGER NOT NULL,
    PRIMARY KEY (day, campaign, account, country, area)
) STRICT, WITHOUT ROWID;

CREATE TABLE number_days (
    day INTEGER NOT NULL,
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
    PRIMARY KEY (day, number, campaign, account, currency)
) STRICT, WITHOUT ROWID;

CREATE TABLE carrier_days (
    day INTEGER NOT NULL,
    carrier TEXT NOT NULL,
    gateway TEXT NOT NULL,
    destination TEXT NOT NULL,
    currency TEXT NOT NULL,
    legs INTEGER NOT NULL,
    answered INTEGER NOT NULL,
    busy INTEGER NOT NULL,
    no_answer INTEGER NOT NULL,
    declined INTEGER NOT NULL,
    cancelled INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    talk_ms INTEGER NOT NULL,
    pdd_ms INTEGER NOT NULL,
    pdd_legs INTEGER NOT NULL,
    cost INTEGER NOT NULL,
    unrated INTEGER NOT NULL,
    PRIMARY KEY (day, carrier, gateway, destination, currency)
) STRICT, WITHOUT ROWID;

-- Who called a campaign in a month, and how many did so at all and again.
CREATE TABLE campaign_callers (
    month INTEGER NOT NULL,
    campaign TEXT NOT NULL,
    caller TEXT NOT NULL,
    calls INTEGER NOT NULL,
    PRIMARY KEY (month, campaign, caller)
) STRICT, WITHOUT ROWID;

CREATE TABLE campaign_months (
    month INTEGER NOT NULL,
    campaign TEXT NOT NULL,
    callers INTEGER NOT NULL,
    repeat_callers INTEGER NOT NULL,
    PRIMARY KEY (month, campaign)
) STRICT, WITHOUT ROWID;

-- Decks as they were. Of the rows of a key the one with the greatest "since" not after a call's
-- start counts; an empty rate means that the row was withdrawn then. kind is carrier (our cost) or
-- account (our price); "effective" and "ends" are Unix seconds, "since" Unix microseconds.
CREATE TABLE deck_rates (
    kind TEXT NOT NULL,
    prefix TEXT NOT NULL,
    owner TEXT NOT NULL,
    origin TEXT NOT NULL,
    time_class TEXT NOT NULL,
    effective INTEGER NOT NULL,
    since INTEGER NOT NULL,
    ends INTEGER NOT NULL,
    rate TEXT NOT NULL,
    fee TEXT NOT NULL,
    first_seconds INTEGER NOT NULL,
    next_seconds INTEGER NOT NULL,
    blocked INTEGER NOT NULL,
    currency TEXT NOT NULL,
    PRIMARY KEY (kind, prefix, owner, origin, time_class, effective, since)
) STRICT, WITHOUT ROWID;

CREATE TABLE deck_gateways (
    gateway TEXT PRIMARY KEY,
    carrier TEXT NOT NULL,
    before TEXT NOT NULL,
    after TEXT NOT NULL
) STRICT, WITHOUT ROWID;
