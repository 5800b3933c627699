-- Users with passwords (argon2), keys and sessions by the SHA-256 of their secret: a copy of this
-- database opens nothing. Times are Unix seconds.
CREATE TABLE schema_version (
    version INTEGER PRIMARY KEY,
    applied TEXT NOT NULL
) STRICT;

CREATE TABLE users (
    id TEXT PRIMARY KEY,
    role TEXT NOT NULL,
    account TEXT NOT NULL,
    password TEXT NOT NULL,
    created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE keys (
    id TEXT PRIMARY KEY,
    role TEXT NOT NULL,
    account TEXT NOT NULL,
    secret BLOB NOT NULL UNIQUE,
    created INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    used INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE sessions (
    secret BLOB PRIMARY KEY,
    -- A user's id; or empty, and what the key said that opened the session.
    user TEXT NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    account TEXT NOT NULL,
    created INTEGER NOT NULL,
    expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_by_user ON sessions (user);
