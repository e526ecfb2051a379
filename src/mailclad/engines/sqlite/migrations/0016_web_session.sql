-- Signed-in browsers and links that work once; tokens are kept as digests only.

INSERT INTO sequence VALUES ('web_session', 0);

CREATE TABLE web_session (
  id INTEGER PRIMARY KEY,
  account INTEGER NOT NULL REFERENCES account (id),
  digest BLOB NOT NULL UNIQUE,
  created_at INTEGER NOT NULL,
  signed_in_at INTEGER NOT NULL,
  used_at INTEGER NOT NULL,
  address TEXT NOT NULL,
  tls_version TEXT NOT NULL,
  browser TEXT NOT NULL
) STRICT;

CREATE INDEX web_session_by_account ON web_session (account);

CREATE TABLE once_link (
  digest BLOB PRIMARY KEY,
  account INTEGER NOT NULL REFERENCES account (id),
  purpose TEXT NOT NULL,
  app_password INTEGER NOT NULL,
  until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX once_link_by_account ON once_link (account);
