-- Licenses of a confirmed import, made ready piece by piece before all of them are inserted in one transaction: copying
-- from table to table holds others up far less than sending the values then.
CREATE TABLE import_licenses (
    import BLOB NOT NULL REFERENCES imports (id),
    piece INTEGER NOT NULL,
    id BLOB NOT NULL,
    vendor BLOB NOT NULL,
    product BLOB NOT NULL,
    plan BLOB NOT NULL,
    plan_code TEXT NOT NULL,
    customer BLOB,
    order_id BLOB,
    status TEXT NOT NULL,
    status_reason TEXT,
    status_effective_at INTEGER,
    terms TEXT NOT NULL,
    overrides TEXT NOT NULL,
    ends_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    key_hash BLOB NOT NULL,
    key_sealed BLOB NOT NULL,
    key_hint TEXT NOT NULL,
    seats_used INTEGER NOT NULL,
    version INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (import, piece, id)
) STRICT;
