-- From when until when a number is in service, and where it went. SQLite cannot add columns to a
-- UNIQUE, so the table is made anew, and with it that which refers to it.

CREATE TABLE assignments_new (
    id INTEGER PRIMARY KEY,
    account TEXT NOT NULL REFERENCES accounts (id) DEFERRABLE INITIALLY DEFERRED,
    plan TEXT NOT NULL REFERENCES plans (id) DEFERRABLE INITIALLY DEFERRED,
    campaign TEXT NOT NULL,
    state TEXT NOT NULL,
    since TEXT NOT NULL,
    until TEXT NOT NULL,
    ported_to TEXT NOT NULL,
    UNIQUE (plan, account, campaign, state, since, until, ported_to)
) STRICT;

INSERT INTO assignments_new SELECT id, account, plan, campaign, state, '', '', '' FROM assignments;

CREATE TABLE blocks_new (
    first INTEGER NOT NULL,
    last INTEGER NOT NULL CHECK (last >= first),
    notation TEXT NOT NULL,
    assignment INTEGER NOT NULL REFERENCES assignments_new (id) DEFERRABLE INITIALLY DEFERRED,
    PRIMARY KEY (first, last)
) STRICT, WITHOUT ROWID;

INSERT INTO blocks_new SELECT first, last, notation, assignment FROM blocks;

DROP TABLE blocks;
DROP TABLE assignments;
ALTER TABLE assignments_new RENAME TO assignments;
ALTER TABLE blocks_new RENAME TO blocks;

CREATE INDEX assignments_by_account ON assignments (account);
CREATE INDEX blocks_by_assignment ON blocks (assignment);

-- What callers get of numbers that are not in service.
CREATE TABLE answers (
    id TEXT PRIMARY KEY,
    document TEXT NOT NULL
) STRICT, WITHOUT ROWID;
