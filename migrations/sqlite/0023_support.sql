-- An act on many can begin later: until then it is taken back by being stopped.
ALTER TABLE bulk_acts ADD COLUMN begins_at INTEGER;
CREATE INDEX bulk_acts_waiting_idx ON bulk_acts (vendor, begins_at) WHERE state = 'waiting';

-- Texts of a vendor's own with which customers are answered.
CREATE TABLE replies (
    id BLOB NOT NULL PRIMARY KEY,
    vendor BLOB NOT NULL REFERENCES vendors (id),
    name TEXT NOT NULL,
    -- With the names of facts in braces.
    text TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX replies_vendor_key ON replies (vendor, id);
CREATE UNIQUE INDEX replies_name_key ON replies (vendor, name);
