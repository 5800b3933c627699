-- What is set by hand, by what it is set of. No foreign keys: an override of what is gone by the
-- next load says nothing, and hinders nothing.
CREATE TABLE overrides (
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;
