-- The first schema.  What each table means, and what a crash leaves: docs/design/store.md.
-- Ids come from "sequence" and are never used twice.  Times are seconds since 1970 UTC.

CREATE TABLE sequence (
  name TEXT PRIMARY KEY,
  last INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO sequence VALUES
  ('account', 0), ('mailbox', 0), ('content', 0), ('pack', 0), ('app_password', 0),
  ('uid_validity', unixepoch());

-- The directory.

CREATE TABLE domain (
  name TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

CREATE TABLE account (
  id INTEGER PRIMARY KEY,
  address TEXT NOT NULL UNIQUE,
  domain TEXT NOT NULL REFERENCES domain (name),
  display_name TEXT NOT NULL,
  disabled INTEGER NOT NULL DEFAULT 0,
  created_at INTEGER NOT NULL,
  salt BLOB NOT NULL,
  iterations INTEGER NOT NULL,
  password_hash TEXT,
  stored_key BLOB,
  server_key BLOB
) STRICT;

CREATE INDEX account_by_domain ON account (domain);

CREATE TABLE app_password (
  id INTEGER PRIMARY KEY,
  account INTEGER NOT NULL REFERENCES account (id),
  name TEXT NOT NULL,
  scope TEXT NOT NULL,
  digest BLOB NOT NULL,
  stored_key BLOB NOT NULL,
  server_key BLOB NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX app_password_by_account ON app_password (account);

CREATE TABLE alias (
  address TEXT PRIMARY KEY,
  domain TEXT NOT NULL REFERENCES domain (name)
) STRICT, WITHOUT ROWID;

CREATE INDEX alias_by_domain ON alias (domain);

CREATE TABLE alias_target (
  address TEXT NOT NULL REFERENCES alias (address),
  place INTEGER NOT NULL,
  target TEXT NOT NULL,
  PRIMARY KEY (address, place)
) STRICT, WITHOUT ROWID;

-- Mailboxes.  One number counts all changes of an account: HIGHESTMODSEQ and JMAP's state.

CREATE TABLE account_state (
  account INTEGER PRIMARY KEY REFERENCES account (id),
  mod_seq INTEGER NOT NULL
) STRICT;

CREATE TABLE mailbox (
  id INTEGER PRIMARY KEY,
  account INTEGER NOT NULL REFERENCES account (id),
  name TEXT NOT NULL,
  uid_validity INTEGER NOT NULL,
  special_use TEXT,
  messages INTEGER NOT NULL DEFAULT 0,
  unseen INTEGER NOT NULL DEFAULT 0,
  deleted INTEGER NOT NULL DEFAULT 0,
  octets INTEGER NOT NULL DEFAULT 0,
  uid_next INTEGER NOT NULL DEFAULT 1 CHECK (uid_next <= 0xFFFFFFFF),
  highest_mod_seq INTEGER NOT NULL,
  UNIQUE (account, name)
) STRICT;

-- What became of mailboxes: created (old_name NULL), renamed, or removed (new_name NULL).
CREATE TABLE mailbox_history (
  account INTEGER NOT NULL REFERENCES account (id),
  mod_seq INTEGER NOT NULL,
  mailbox INTEGER NOT NULL,
  old_name TEXT,
  new_name TEXT,
  PRIMARY KEY (account, mod_seq, mailbox)
) STRICT, WITHOUT ROWID;

CREATE TABLE subscription (
  account INTEGER NOT NULL REFERENCES account (id),
  name TEXT NOT NULL,
  PRIMARY KEY (account, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE keyword (
  account INTEGER NOT NULL REFERENCES account (id),
  place INTEGER NOT NULL,
  name TEXT NOT NULL,
  PRIMARY KEY (account, place)
) STRICT, WITHOUT ROWID;

-- Messages: the narrow, hot row of a place in a mailbox ("arrived" is its first mod_seq) ...

CREATE TABLE message (
  mailbox INTEGER NOT NULL,
  uid INTEGER NOT NULL,
  arrived INTEGER NOT NULL,
  mod_seq INTEGER NOT NULL,
  flags INTEGER NOT NULL,
  octets INTEGER NOT NULL,
  internal_date INTEGER NOT NULL,
  content INTEGER NOT NULL,
  PRIMARY KEY (mailbox, uid)
) STRICT, WITHOUT ROWID;

-- Messages arrive in the order of their UIDs, so those that came since a mod-sequence are
-- the last ones; only messages changed after they arrived need an index.
CREATE INDEX message_changed ON message (mailbox, mod_seq) WHERE mod_seq > arrived;

-- ... where its octets lie, shared by every place that holds them ...

CREATE TABLE content (
  id INTEGER PRIMARY KEY,
  places INTEGER NOT NULL CHECK (places >= 0),
  octets INTEGER NOT NULL,
  pack INTEGER NOT NULL,
  start INTEGER NOT NULL,
  stored INTEGER NOT NULL,
  digest BLOB NOT NULL
) STRICT;

-- ... and what was prepared of it for lists and searches.

CREATE TABLE prepared (
  content INTEGER PRIMARY KEY,
  version INTEGER NOT NULL,
  sent_at INTEGER,
  envelope BLOB NOT NULL,
  body_structure BLOB NOT NULL,
  body BLOB NOT NULL,
  subject TEXT NOT NULL,
  from_text TEXT NOT NULL,
  to_text TEXT NOT NULL,
  cc_text TEXT NOT NULL,
  bcc_text TEXT NOT NULL,
  message_id TEXT NOT NULL,
  preview TEXT NOT NULL,
  parts BLOB NOT NULL,
  fields BLOB NOT NULL
) STRICT;

-- Runs of UIDs that one change removed.
CREATE TABLE expunged (
  mailbox INTEGER NOT NULL,
  mod_seq INTEGER NOT NULL,
  first_uid INTEGER NOT NULL,
  last_uid INTEGER NOT NULL,
  PRIMARY KEY (mailbox, mod_seq, first_uid)
) STRICT, WITHOUT ROWID;

-- Packs: "octets" is where the last record that the index knows ends, "live" the sum of
-- the records that some place still holds.
CREATE TABLE pack (
  id INTEGER PRIMARY KEY,
  octets INTEGER NOT NULL,
  live INTEGER NOT NULL CHECK (live >= 0)
) STRICT;
