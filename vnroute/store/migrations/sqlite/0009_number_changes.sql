-- How many numbers a change changed, where it changed nothing else; NULL for any other change.
ALTER TABLE changes ADD COLUMN numbers INTEGER;

-- Those numbers, and where each leads since; plan is empty for one that was removed. The last ones
-- are kept: what is older is in an image, or a compilation finds it in the tables themselves.
CREATE TABLE number_changes (
    counter INTEGER NOT NULL,
    number INTEGER NOT NULL,
    account TEXT NOT NULL,
    plan TEXT NOT NULL,
    campaign TEXT NOT NULL,
    state TEXT NOT NULL,
    since TEXT NOT NULL,
    until TEXT NOT NULL,
    screen TEXT NOT NULL,
    PRIMARY KEY (counter, number)
) STRICT, WITHOUT ROWID;
