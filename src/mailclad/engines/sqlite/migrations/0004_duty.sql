-- What one process does now and then for all: when it is due again.

CREATE TABLE duty (
  name TEXT PRIMARY KEY,
  next_due INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
