-- How targets are hunted and plans go on, for the plans and steps that name it.

CREATE TABLE policies (
    id TEXT PRIMARY KEY,
    document TEXT NOT NULL
) STRICT, WITHOUT ROWID;
