-- When each app password was used last, and pages that watch one device being set up.

-- Set for one that was shown as a picture or put into a profile: it dies unless used until then.
ALTER TABLE app_password ADD COLUMN unused_until INTEGER;

-- Written once a minute, not at each sign-in.
CREATE TABLE app_password_use (
  app_password INTEGER PRIMARY KEY REFERENCES app_password (id),
  used_at INTEGER NOT NULL,
  service TEXT NOT NULL,
  tls_version TEXT NOT NULL,
  address TEXT NOT NULL
) STRICT;

INSERT INTO sequence VALUES ('setup_watch', 0);

CREATE TABLE setup_watch (
  id INTEGER PRIMARY KEY,
  account INTEGER NOT NULL REFERENCES account (id),
  app_password INTEGER NOT NULL,
  address TEXT NOT NULL,
  client TEXT NOT NULL,
  opened_at INTEGER NOT NULL
) STRICT;

CREATE INDEX setup_watch_by_account ON setup_watch (account);

CREATE TABLE setup_notice (
  watch INTEGER NOT NULL REFERENCES setup_watch (id),
  number INTEGER NOT NULL,
  kind TEXT NOT NULL,
  at INTEGER NOT NULL,
  service TEXT NOT NULL,
  port INTEGER NOT NULL,
  detail TEXT NOT NULL,
  PRIMARY KEY (watch, number)
) STRICT, WITHOUT ROWID;
