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
    offset INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

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
    pdd_ms INTEGER,
    duration_ms INTEGER NOT NULL,
    talk_ms INTEGER NOT NULL,
    clock_off INTEGER NOT NULL,
    cost INTEGER,
    price INTEGER,
    currency TEXT NOT NULL
) STRICT;

-- One record a call, for ever: what the switch posts twice is known by this.
CREATE UNIQUE INDEX calls_by_uuid ON calls (uuid);
CREATE INDEX calls_by_day ON calls (day);

CREATE TABLE legs (
    call INTEGER NOT NULL,
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
    cost INTEGER,
    PRIMARY KEY (call, attempt)
) STRICT, WITHOUT ROWID;

-- JSON that should have been readable and was not: kept until somebody has looked at it.
CREATE TABLE raw_records (
    id INTEGER PRIMARY KEY,
    received INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;

-- Sums, kept with the calls in one transaction, so they are exact at every moment.
CREATE TABLE campaign_days (
    day INTEGER NOT NULL,
    campaign TEXT NOT NULL,
    account TEXT NOT NULL,
    country TEXT NOT NULL,
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
    unrated INTEGER NOT NULL,
    PRIMARY KEY (day, campaign, account, country)
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

CREATE TABLE number_days (
    day INTEGER NOT NULL,
    number TEXT NOT NULL,
    campaign TEXT NOT NULL,
    account TEXT NOT NULL,
    calls INTEGER NOT NULL,
    answered INTEGER NOT NULL,
    refused INTEGER NOT NULL,
    talk_ms INTEGER NOT NULL,
    cost INTEGER NOT NULL,
    unrated INTEGER NOT NULL,
    PRIMARY KEY (day, number, campaign, account)
) STRICT, WITHOUT ROWID;

CREATE TABLE carrier_days (
    day INTEGER NOT NULL,
    carrier TEXT NOT NULL,
    gateway TEXT NOT NULL,
    destination TEXT NOT NULL,
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
    PRIMARY KEY (day, carrier, gateway, destination)
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

-- Decks as they were: the row with the greatest "since" not after a call's start counts; an empty
-- rate means that the carrier had none from then on.
CREATE TABLE deck_rates (
    prefix TEXT NOT NULL,
    carrier TEXT NOT NULL,
    since INTEGER NOT NULL,
    rate TEXT NOT NULL,
    PRIMARY KEY (prefix, carrier, since)
) STRICT, WITHOUT ROWID;

CREATE TABLE deck_gateways (
    gateway TEXT PRIMARY KEY,
    carrier TEXT NOT NULL,
    before TEXT NOT NULL,
    after TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE deck_counter (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    counter INTEGER NOT NULL
) STRICT;
