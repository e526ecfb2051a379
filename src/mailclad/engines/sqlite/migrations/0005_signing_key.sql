-- DKIM keys.  The private key is as safe as the index is: its files are the owner's alone.

CREATE TABLE signing_key (
  domain TEXT NOT NULL REFERENCES domain (name),
  selector TEXT NOT NULL,
  kind TEXT NOT NULL,
  pem BLOB NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('prepared', 'active', 'retired')),
  created_at INTEGER NOT NULL,
  PRIMARY KEY (domain, selector)
) STRICT, WITHOUT ROWID;
