-- What each account has sent, by the hour: hours since 1970.

CREATE TABLE sent (
  account INTEGER NOT NULL,
  hour INTEGER NOT NULL,
  messages INTEGER NOT NULL,
  recipients INTEGER NOT NULL,
  PRIMARY KEY (account, hour)
) STRICT, WITHOUT ROWID;

CREATE INDEX sent_by_hour ON sent (hour);

-- Senders of forwarded mail whose address has no room in a rewritten one.

CREATE TABLE forwarded_sender (
  token TEXT PRIMARY KEY,
  sender TEXT NOT NULL,
  until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX forwarded_sender_until ON forwarded_sender (until);
