-- Certificates of ACME authorities with their keys, and what renewal knows of them.  Private keys
-- are as safe as the index is: its files are the owner's alone.

CREATE TABLE certificate (
  id INTEGER PRIMARY KEY,
  series INTEGER NOT NULL,
  kind TEXT NOT NULL,              -- of key: ec, rsa
  names TEXT NOT NULL,             -- JSON
  chain_pem BLOB NOT NULL,
  key_pem BLOB NOT NULL,
  authority TEXT NOT NULL,
  not_before INTEGER NOT NULL,
  not_after INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('staged', 'live', 'retired', 'refused')),
  made_at INTEGER NOT NULL,
  note TEXT NOT NULL
) STRICT;

CREATE UNIQUE INDEX certificate_place ON certificate (series, kind, state)
  WHERE state IN ('staged', 'live');

-- When the authority wants a certificate replaced (RFC 9773), as it said last.
CREATE TABLE renewal_window (
  certificate INTEGER PRIMARY KEY REFERENCES certificate (id) ON DELETE CASCADE,
  starts INTEGER,                  -- NULL, like the end: it gave no answer
  ends INTEGER,
  ask_again INTEGER NOT NULL,
  explanation TEXT NOT NULL
) STRICT;

-- Keys that certificates will have when their TLSA records have long been seen.
CREATE TABLE next_key (
  kind TEXT PRIMARY KEY,
  pem BLOB NOT NULL,
  made_at INTEGER NOT NULL,
  shown_since INTEGER,             -- NULL: not every name server has its record
  ttl INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE certificate_attempt (
  id INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  series INTEGER NOT NULL,
  kind TEXT NOT NULL,
  authority TEXT NOT NULL,
  names TEXT NOT NULL,             -- JSON, as they were asked for
  failed TEXT NOT NULL,            -- JSON: a reason for each name that was left out
  issued INTEGER NOT NULL,
  told TEXT NOT NULL,              -- what became of it, for people
  finding TEXT NOT NULL,
  not_before INTEGER NOT NULL      -- when the authority wants to be asked again; 0: it did not say
) STRICT;

CREATE INDEX certificate_attempt_place ON certificate_attempt (series, kind, id);

CREATE TABLE acme_account (
  authority TEXT PRIMARY KEY,      -- its directory's URL
  url TEXT NOT NULL,
  key_pem BLOB NOT NULL,
  external_id TEXT NOT NULL        -- of its external account binding; '': none
) STRICT, WITHOUT ROWID;
