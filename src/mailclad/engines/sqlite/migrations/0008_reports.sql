-- Daily reports: what ours will say, and what those of others said.

-- One report of ours: what was seen of one domain on one day (days since 1970, UTC).
-- "due" is when it may be sent at the earliest; "outcome" is '' until that is settled.
-- The domain '' counts what no room was left for.
CREATE TABLE report_topic (
  id INTEGER PRIMARY KEY,
  day INTEGER NOT NULL,
  kind TEXT NOT NULL,
  domain TEXT NOT NULL,
  due INTEGER NOT NULL,
  next_try INTEGER NOT NULL,
  kinds INTEGER NOT NULL DEFAULT 0 CHECK (kinds >= 0),
  seen INTEGER NOT NULL DEFAULT 0,
  left_out INTEGER NOT NULL DEFAULT 0,
  outcome TEXT NOT NULL DEFAULT '',
  places TEXT NOT NULL DEFAULT '',
  settled_at INTEGER,
  UNIQUE (day, kind, domain),
  CHECK ((outcome = '') = (settled_at IS NULL))
) STRICT;

CREATE INDEX report_due ON report_topic (next_try) WHERE outcome = '';

-- What was seen, in words of the report, and how often.
CREATE TABLE report_note (
  topic INTEGER NOT NULL,
  facts BLOB NOT NULL,
  number INTEGER NOT NULL,
  PRIMARY KEY (topic, facts)
) STRICT, WITHOUT ROWID;

-- "content" is the report itself, packed.
CREATE TABLE report_received (
  id INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,
  domain TEXT NOT NULL,
  organization TEXT NOT NULL,
  report_id TEXT NOT NULL,
  contact TEXT NOT NULL,
  begin INTEGER NOT NULL,
  "end" INTEGER NOT NULL,
  received_at INTEGER NOT NULL,
  vouched TEXT NOT NULL,
  passed INTEGER NOT NULL,
  failed INTEGER NOT NULL,
  content BLOB NOT NULL,
  UNIQUE (kind, domain, organization, report_id)
) STRICT;

CREATE INDEX report_received_at ON report_received (received_at);

-- Mail to the addresses of reports that was not kept, and why.
CREATE TABLE report_ignored (
  day INTEGER NOT NULL,
  reason TEXT NOT NULL,
  number INTEGER NOT NULL,
  PRIMARY KEY (day, reason)
) STRICT, WITHOUT ROWID;
