-- An act on many can begin later: until then it is taken back by being stopped.
ALTER TABLE bulk_acts ADD COLUMN begins_at BIGINT;
CREATE INDEX bulk_acts_waiting_idx ON bulk_acts (vendor, begins_at) WHERE state = 'waiting';

-- Texts of a vendor's own with which customers are answered.
CREATE TABLE replies (
    id UUID NOT NULL PRIMARY KEY,
    vendor UUID NOT NULL REFERENCES vendors (id),
    name TEXT COLLATE "C" NOT NULL,
    -- With the names of facts in braces.
    text TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX replies_vendor_key ON replies (vendor, id);
CREATE UNIQUE INDEX replies_name_key ON replies (vendor, name);
