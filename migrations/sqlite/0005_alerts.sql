-- What someone must act on. One that stands has no `cleared_at`; of those there is one for a code and a subject.
CREATE TABLE alerts (
    id BLOB NOT NULL PRIMARY KEY,
    -- Whose product or key it is about; null for one about the installation, which the people of every vendor see.
    vendor BLOB,
    product BLOB,
    code TEXT NOT NULL,
    subject TEXT NOT NULL,
    severity TEXT NOT NULL,
    detail TEXT NOT NULL,
    raised_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    fails_at INTEGER,
    drains_at INTEGER,
    cleared_at INTEGER,
    acknowledged_at INTEGER,
    -- Who, as in the audit log.
    acknowledged_by TEXT,
    note TEXT
) STRICT;
CREATE UNIQUE INDEX alerts_standing_key ON alerts (code, subject) WHERE cleared_at IS NULL;
CREATE INDEX alerts_vendor_idx ON alerts (vendor, id);
CREATE INDEX alerts_cleared_idx ON alerts (cleared_at);

-- What follows from a change and is to be told to the outside, written in the transaction of the change.
CREATE TABLE outbox (
    number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    -- Whose people are told; null for those who run the installation.
    vendor BLOB,
    topic TEXT NOT NULL,
    -- Messages about one subject are delivered in the order of their numbers.
    subject TEXT NOT NULL,
    data TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;
CREATE INDEX outbox_at_idx ON outbox (at);

-- Products of which nothing is denied until a person has looked, or whose denials a person lets pass for a while.
CREATE TABLE breakers (
    product BLOB NOT NULL PRIMARY KEY,
    vendor BLOB NOT NULL,
    tripped_at INTEGER NOT NULL,
    -- How many were denied within ten minutes, and how many were allowed.
    denials INTEGER NOT NULL,
    allowed INTEGER NOT NULL,
    -- Until when a person lets all denials pass; null where nobody has looked yet.
    passes_until INTEGER,
    FOREIGN KEY (vendor, product) REFERENCES products (vendor, id)
) STRICT;
CREATE INDEX breakers_vendor_idx ON breakers (vendor);
