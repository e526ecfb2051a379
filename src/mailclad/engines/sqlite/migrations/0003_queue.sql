-- The queue of outgoing mail.  What each state means, and what a crash leaves:
-- docs/design/queue.md.

INSERT INTO sequence VALUES ('queue', 0);

-- One envelope.  The id's upper bits are the second it was queued.  It is one of the places
-- of its content.
CREATE TABLE queue_message (
  id INTEGER PRIMARY KEY,
  content INTEGER NOT NULL,
  octets INTEGER NOT NULL,
  start INTEGER NOT NULL,
  identity TEXT NOT NULL,
  sender TEXT NOT NULL,
  expires INTEGER NOT NULL,
  warn_at INTEGER NOT NULL,
  not_before INTEGER NOT NULL,
  account INTEGER,
  envid TEXT,
  ret TEXT,
  priority INTEGER NOT NULL,
  requiretls INTEGER NOT NULL,
  smtputf8 INTEGER NOT NULL,
  eight_bit INTEGER NOT NULL
) STRICT;

CREATE INDEX queue_message_by_sender ON queue_message (sender);

-- "rank" is what comes first: the opposite of the message's priority.
CREATE TABLE queue_recipient (
  message INTEGER NOT NULL,
  number INTEGER NOT NULL,
  address TEXT NOT NULL,
  destination TEXT NOT NULL,
  rank INTEGER NOT NULL,
  notify INTEGER NOT NULL,
  orcpt TEXT,
  state TEXT NOT NULL,
  next_attempt INTEGER NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  warned INTEGER NOT NULL DEFAULT 0,
  answer TEXT NOT NULL DEFAULT '',
  owner TEXT,
  leased_until INTEGER,
  PRIMARY KEY (message, number),
  CHECK ((state = 'leased') = (owner IS NOT NULL)),
  CHECK ((state = 'leased') = (leased_until IS NOT NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX queue_due ON queue_recipient (destination, rank, next_attempt)
  WHERE state = 'waiting';
CREATE INDEX queue_leased ON queue_recipient (destination) WHERE state = 'leased';
CREATE INDEX queue_leased_until ON queue_recipient (leased_until) WHERE state = 'leased';
CREATE INDEX queue_held ON queue_recipient (message) WHERE state = 'held';
CREATE INDEX queue_by_destination ON queue_recipient (destination, message);

-- Exactly those that somebody waits for.
CREATE TABLE queue_destination (
  name TEXT PRIMARY KEY,
  next_attempt INTEGER NOT NULL,
  paused_until INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE INDEX queue_destination_due ON queue_destination (next_attempt);

-- Kept when the message has gone.
CREATE TABLE queue_attempt (
  message INTEGER NOT NULL,
  number INTEGER NOT NULL,
  at INTEGER NOT NULL,
  destination TEXT NOT NULL,
  host TEXT NOT NULL,
  address TEXT NOT NULL,
  tls_version TEXT NOT NULL,
  tls_suite TEXT NOT NULL,
  tls_group TEXT NOT NULL,
  verified TEXT NOT NULL,
  answer TEXT NOT NULL,
  PRIMARY KEY (message, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE suppression (
  address TEXT PRIMARY KEY,
  reason TEXT NOT NULL,
  added_at INTEGER NOT NULL,
  until INTEGER
) STRICT, WITHOUT ROWID;

-- Counted by the index itself, so that no verb can forget it.
CREATE TABLE queue_count (
  name TEXT PRIMARY KEY,
  number INTEGER NOT NULL CHECK (number >= 0)
) STRICT, WITHOUT ROWID;

INSERT INTO queue_count VALUES
  ('messages', 0), ('octets', 0), ('waiting', 0), ('leased', 0), ('held', 0),
  ('delivered', 0), ('failed', 0);

CREATE TRIGGER queue_message_in AFTER INSERT ON queue_message BEGIN
  UPDATE queue_count SET number = number + 1 WHERE name = 'messages';
  UPDATE queue_count SET number = number + NEW.octets WHERE name = 'octets';
END;

CREATE TRIGGER queue_message_out AFTER DELETE ON queue_message BEGIN
  UPDATE queue_count SET number = number - 1 WHERE name = 'messages';
  UPDATE queue_count SET number = number - OLD.octets WHERE name = 'octets';
END;

CREATE TRIGGER queue_recipient_in AFTER INSERT ON queue_recipient BEGIN
  UPDATE queue_count SET number = number + 1 WHERE name = NEW.state;
END;

CREATE TRIGGER queue_recipient_out AFTER DELETE ON queue_recipient BEGIN
  UPDATE queue_count SET number = number - 1 WHERE name = OLD.state;
END;

CREATE TRIGGER queue_recipient_moved AFTER UPDATE OF state ON queue_recipient
  WHEN OLD.state != NEW.state BEGIN
  UPDATE queue_count SET number = number - 1 WHERE name = OLD.state;
  UPDATE queue_count SET number = number + 1 WHERE name = NEW.state;
END;
