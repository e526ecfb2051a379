-- MTA-STS policies of other domains, and how the last attempt to fetch each went.

CREATE TABLE sts_policy (
  domain TEXT PRIMARY KEY,
  used_at INTEGER NOT NULL,
  tried_id TEXT NOT NULL,          -- the id that was announced when it was tried last
  tried_at INTEGER NOT NULL,
  problem TEXT,                    -- a result type of TLS reporting; NULL: it went well
  reason TEXT NOT NULL,
  policy_id TEXT,                  -- NULL, like the next three: none was ever fetched
  fetched_at INTEGER,
  expires_at INTEGER,
  policy TEXT                      -- as it was fetched, its lines
) STRICT;
