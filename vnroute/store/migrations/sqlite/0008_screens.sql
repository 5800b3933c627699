-- Screening: lists of callers, and screens; a number may name one. As for 0004, the table is made
-- anew to have the column in its UNIQUE.

CREATE TABLE lists (
    id TEXT PRIMARY KEY,
    document TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE screens (
    id TEXT PRIMARY KEY,
    document TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Imported entries, in millions: vnroute.model.screen.caller_key() says what a key is.
CREATE TABLE callers (
    key INTEGER NOT NULL,
    list TEXT NOT NULL,
    PRIMARY KEY (key, list)
) STRICT, WITHOUT ROWID;

CREATE TABLE assignments_new (
    id INTEGER PRIMARY KEY,
    account TEXT NOT NULL REFERENCES accounts (id) DEFERRABLE INITIALLY DEFERRED,
    plan TEXT NOT NULL REFERENCES plans (id) DEFERRABLE INITIALLY DEFERRED,
    campaign TEXT NOT NULL,
    state TEXT NOT NULL,
    since TEXT NOT NULL,
    until TEXT NOT NULL,
    ported_to TEXT NOT NULL,
    screen TEXT NOT NULL,
    UNIQUE (plan, account, campaign, state, since, until, ported_to, screen)
) STRICT;

INSERT INTO assignments_new
    SELECT id, account, plan, campaign, state, since, until, ported_to, '' FROM assignments;

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
