-- Routing data. Entities that people write are kept as documents (JSON of the model's own structs):
-- there are thousands of them, they are always read whole, and the model alone knows their fields.
-- Numbers and rates come in millions, so they are rows of plain columns.

CREATE TABLE schema_version (
    version INTEGER PRIMARY KEY,
    applied TEXT NOT NULL
) STRICT;

CREATE TABLE accounts (
    id TEXT PRIMARY KEY,
    document TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE schedules (
    id TEXT PRIMARY KEY,
    document TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Foreign keys are deferred: a load may bring a plan before its account.
CREATE TABLE plans (
    id TEXT PRIMARY KEY,
    account TEXT NOT NULL REFERENCES accounts (id) DEFERRABLE INITIALLY DEFERRED,
    document TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX plans_by_account ON plans (account);

CREATE TABLE carriers (
    id TEXT PRIMARY KEY,
    document TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE assignments (
    id INTEGER PRIMARY KEY,
    account TEXT NOT NULL REFERENCES accounts (id) DEFERRABLE INITIALLY DEFERRED,
    plan TEXT NOT NULL REFERENCES plans (id) DEFERRABLE INITIALLY DEFERRED,
    campaign TEXT NOT NULL,
    state TEXT NOT NULL,
    UNIQUE (plan, account, campaign, state)
) STRICT;

CREATE INDEX assignments_by_account ON assignments (account);

-- No foreign key on assignment: without an index of ten million rows, which would double the
-- table, removing one assignment would read every number.
CREATE TABLE numbers (
    number INTEGER PRIMARY KEY,
    assignment INTEGER NOT NULL
) STRICT;

CREATE TABLE blocks (
    first INTEGER NOT NULL,
    last INTEGER NOT NULL CHECK (last >= first),
    notation TEXT NOT NULL,
    assignment INTEGER NOT NULL REFERENCES assignments (id) DEFERRABLE INITIALLY DEFERRED,
    PRIMARY KEY (first, last)
) STRICT, WITHOUT ROWID;

CREATE INDEX blocks_by_assignment ON blocks (assignment);

-- Prefix first, since a compiler reads them in that order. No foreign key on carrier, for the
-- reason that numbers have none.
CREATE TABLE rates (
    prefix TEXT NOT NULL,
    carrier TEXT NOT NULL,
    rate TEXT NOT NULL,
    destination TEXT NOT NULL,
    PRIMARY KEY (prefix, carrier)
) STRICT, WITHOUT ROWID;

CREATE TABLE changes (
    counter INTEGER PRIMARY KEY,
    time TEXT NOT NULL,
    what TEXT NOT NULL
) STRICT;
