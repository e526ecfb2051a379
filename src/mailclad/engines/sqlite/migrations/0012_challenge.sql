-- Answers to an ACME authority's challenges, while it may ask for them.

CREATE TABLE challenge (
  kind TEXT NOT NULL,              -- http-01, tls-alpn-01, dns-01
  key TEXT NOT NULL,               -- a token; for tls-alpn-01 the name that is asked for
  answer TEXT NOT NULL,
  until INTEGER NOT NULL,
  PRIMARY KEY (kind, key)
) STRICT, WITHOUT ROWID;
