-- What happened to messages, in words.  The upper bits of an id are the hour in which the row
-- is forgotten, counted from 1970: what is written in one hour lies and goes together.

CREATE TABLE trace_event (
  id INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  identity TEXT NOT NULL,
  happening TEXT NOT NULL,
  text TEXT NOT NULL,
  message_id TEXT NOT NULL,
  queue INTEGER,
  addresses TEXT NOT NULL
) STRICT;

-- What an event is found by: identity, Message-ID, queue id, addresses.  A key is the same
-- hour and a hash of the name; the event tells whether it is the one.
CREATE TABLE trace_name (
  key INTEGER NOT NULL,
  event INTEGER NOT NULL,
  PRIMARY KEY (key, event)
) STRICT, WITHOUT ROWID;

-- For the summary of destinations; the other states have theirs.
CREATE INDEX queue_held_by_destination ON queue_recipient (destination) WHERE state = 'held';
