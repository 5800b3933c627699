-- What a leg's own record tells (mod_json_cdr's log-b-leg), whether its call is known by then or not.
-- The key is the leg's uuid, as that of "known" is the call's.
CREATE TABLE leg_records (
    key BYTEA PRIMARY KEY,
    day BIGINT NOT NULL,
    cause TEXT COLLATE "C" NOT NULL,
    sip BIGINT NOT NULL,
    pdd_ms BIGINT,
    up_ms BIGINT NOT NULL,
    read_codec TEXT COLLATE "C" NOT NULL,
    write_codec TEXT COLLATE "C" NOT NULL,
    packets_in BIGINT,
    packets_missed BIGINT,
    packets_out BIGINT,
    mos DOUBLE PRECISION,
    jitter_ms DOUBLE PRECISION,
    loss_percent DOUBLE PRECISION
);

CREATE INDEX leg_records_by_day ON leg_records (day);
