-- Rate decks with their versions (vnroute/model/deck.py). The rows of a version are packed into
-- pages, shared among versions: see vnroute/store/deck_pages.py.

CREATE TABLE decks (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('carrier', 'account')),
    owner TEXT NOT NULL,
    version INTEGER NOT NULL,
    UNIQUE (kind, owner)
) STRICT;

CREATE TABLE deck_versions (
    deck INTEGER NOT NULL REFERENCES decks (id) ON DELETE CASCADE,
    version INTEGER NOT NULL,
    made TEXT NOT NULL,
    what TEXT NOT NULL,
    currency TEXT NOT NULL,
    rows INTEGER NOT NULL,
    PRIMARY KEY (deck, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE deck_pages (
    deck INTEGER NOT NULL,
    digest BLOB NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (deck, digest)
) STRICT;

-- Which pages make a version, by the first prefix of each.
CREATE TABLE deck_contents (
    deck INTEGER NOT NULL REFERENCES decks (id) ON DELETE CASCADE,
    version INTEGER NOT NULL,
    first TEXT NOT NULL,
    page INTEGER NOT NULL,
    PRIMARY KEY (deck, version, first)
) STRICT, WITHOUT ROWID;

-- From when on (Unix microseconds) which version was in force: an import or a rollback.
CREATE TABLE deck_history (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    owner TEXT NOT NULL,
    since INTEGER NOT NULL,
    version INTEGER NOT NULL
) STRICT;

-- Which columns a carrier's files have, as JSON.
CREATE TABLE deck_mappings (
    kind TEXT NOT NULL,
    owner TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (kind, owner)
) STRICT, WITHOUT ROWID;

-- What one unit of a currency is worth in the system's own.
CREATE TABLE currencies (
    currency TEXT PRIMARY KEY,
    rate TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The rates of before: taken into decks when the store is opened, which then drops this.
ALTER TABLE rates RENAME TO rates_before_decks;
