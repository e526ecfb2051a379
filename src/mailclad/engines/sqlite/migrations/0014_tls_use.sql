-- Which TLS programs and other servers come with: what failed, and what would fail with less.
-- Days and hours are counted since 1970, UTC; other times are in seconds.

-- What clients offer, in the octets of base/tls_offer.
CREATE TABLE tls_offer (
  fingerprint BLOB PRIMARY KEY,
  octets BLOB NOT NULL,
  last_day INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Handshakes that failed, each kind once an hour; the details are those of the first.
CREATE TABLE tls_failure (
  hour INTEGER NOT NULL,
  service TEXT NOT NULL,
  port INTEGER NOT NULL,
  address TEXT NOT NULL,
  kind TEXT NOT NULL,
  fingerprint BLOB NOT NULL,       -- '' where no ClientHello was read
  network TEXT NOT NULL,
  server_name TEXT NOT NULL,
  alpn TEXT NOT NULL,
  sent_alert INTEGER,
  received_alert INTEGER,
  reason TEXT NOT NULL,
  certificate TEXT NOT NULL,
  number INTEGER NOT NULL CHECK (number > 0),
  last_at INTEGER NOT NULL,
  PRIMARY KEY (hour, service, port, address, kind, fingerprint)
) STRICT, WITHOUT ROWID;

-- What is counted only: whatever is no TLS at all, and failures that no room was left for.
CREATE TABLE tls_noise (
  day INTEGER NOT NULL,
  service TEXT NOT NULL,
  port INTEGER NOT NULL,
  kind TEXT NOT NULL,
  number INTEGER NOT NULL CHECK (number > 0),
  last_at INTEGER NOT NULL,
  PRIMARY KEY (day, service, port, kind)
) STRICT, WITHOUT ROWID;

-- Connections that came to TLS. "who" is an account, or another server; '' where nobody will ask.
CREATE TABLE tls_session (
  day INTEGER NOT NULL,
  service TEXT NOT NULL,
  version TEXT NOT NULL,
  suite TEXT NOT NULL,
  key_group TEXT NOT NULL,
  who TEXT NOT NULL,
  network TEXT NOT NULL,
  program TEXT NOT NULL,           -- as it calls itself
  fingerprint BLOB NOT NULL,
  number INTEGER NOT NULL CHECK (number > 0),
  last_at INTEGER NOT NULL,
  PRIMARY KEY (day, service, version, suite, key_group, who, network, program, fingerprint)
) STRICT, WITHOUT ROWID;
