-- Who changed what. before and after are documents as the model writes them, NULL where there was
-- nothing, or is no more.
CREATE TABLE audit (
    id INTEGER PRIMARY KEY,
    counter INTEGER NOT NULL,
    time TEXT NOT NULL,
    who TEXT NOT NULL,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    account TEXT NOT NULL,
    before TEXT,
    after TEXT
) STRICT;

CREATE INDEX audit_by_account ON audit (account, id);
CREATE INDEX audit_by_key ON audit (kind, key, id);
