-- Who was told to come back later, and whose servers do (services/receive/greylist.py).

CREATE TABLE greylist (
    network TEXT NOT NULL,
    triplet BLOB NOT NULL, -- a hash of sender and recipient: no addresses are kept
    first_seen INTEGER NOT NULL,
    PRIMARY KEY (network, triplet)
) STRICT, WITHOUT ROWID;

CREATE INDEX greylist_by_age ON greylist (first_seen);

CREATE TABLE greylist_passed (
    network TEXT PRIMARY KEY,
    last_seen INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
