-- Sums of whole months, so that a report of one need not add up its days: kept with the others, in
-- the transaction that stores a call.

CREATE TABLE campaign_by_month (
    month BIGINT NOT NULL,
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
    PRIMARY KEY (month, campaign, account, country, currency)
);

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
    month BIGINT NOT NULL,
    hour BIGINT NOT NULL,
    campaign TEXT COLLATE "C" NOT NULL,
    account TEXT COLLATE "C" NOT NULL,
    calls BIGINT NOT NULL,
    answered BIGINT NOT NULL,
    talk_ms BIGINT NOT NULL,
    PRIMARY KEY (month, hour, campaign, account)
);

INSERT INTO campaign_hours_by_month
    SELECT day / 100, hour, campaign, account,
        sum(calls),
        sum(answered),
        sum(talk_ms)
    FROM campaign_hours GROUP BY day / 100, hour, campaign, account;

CREATE TABLE source_by_month (
    month BIGINT NOT NULL,
    campaign TEXT COLLATE "C" NOT NULL,
    account TEXT COLLATE "C" NOT NULL,
    country TEXT COLLATE "C" NOT NULL,
    area TEXT COLLATE "C" NOT NULL,
    calls BIGINT NOT NULL,
    answered BIGINT NOT NULL,
    talk_ms BIGINT NOT NULL,
    PRIMARY KEY (month, campaign, account, country, area)
);

INSERT INTO source_by_month
    SELECT day / 100, campaign, account, country, area,
        sum(calls),
        sum(answered),
        sum(talk_ms)
    FROM source_days GROUP BY day / 100, campaign, account, country, area;

CREATE TABLE number_by_month (
    month BIGINT NOT NULL,
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
    PRIMARY KEY (month, number, campaign, account, currency)
);

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
