-- Calls of one number or one caller, the last first, among millions.
CREATE INDEX calls_by_number ON calls (number, id);
CREATE INDEX calls_by_caller ON calls (caller, id);
