-- What a leg's own record tells (mod_json_cdr's log-b-leg), whether its call is known by then or not.
-- The key is the leg's uuid, as that of "known" is the call's.
CREATE TABLE leg_records (
    key BLOB PRIMARY KEY,
    day INTEGER NOT NULL,
    cause TEXT NOT NULL,
    sip INTEGER NOT NULL,
    pdd_ms INTEGER,
    up_ms INTEGER NOT NULL,
    read_codec TEXT NOT NULL,
    write_codec TEXT NOT NULL,
    packets_in INTEGER,
    packets_missed INTEGER,
    packets_out INTEGER,
    mos REAL,
    jitter_ms REAL,
    loss_percent REAL
) STRICT, WITHOUT ROWID;

CREATE INDEX leg_records_by_day ON leg_records (day);
