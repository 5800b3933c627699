-- The numbers that plans and persons ring: an index over their documents. What is stored already is
-- noted when the store is opened, which then drops rung_to_note.
CREATE TABLE rung_numbers (
    number INTEGER NOT NULL,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    PRIMARY KEY (number, kind, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX rung_by ON rung_numbers (kind, id);

CREATE TABLE rung_to_note (waits INTEGER) STRICT;

-- Numbers by where they lead: an account's, a plan's or a campaign's are found among ten million. It
-- adds half to the table; a bulk load writes it last, in one go.
CREATE INDEX numbers_by_assignment ON numbers (assignment);

-- The callers of one list, page by page.
CREATE INDEX callers_by_list ON callers (list, key);
