-- What somebody wrote down about a license or a customer; exactly one of the two is named.
CREATE TABLE notes (
    id BLOB NOT NULL PRIMARY KEY,
    vendor BLOB NOT NULL,
    license BLOB,
    customer BLOB,
    -- Who, as the audit log writes it.
    author TEXT NOT NULL,
    text TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    edited_at INTEGER,
    FOREIGN KEY (vendor, license) REFERENCES licenses (vendor, id),
    FOREIGN KEY (vendor, customer) REFERENCES customers (vendor, id),
    CHECK ((license IS NULL) <> (customer IS NULL))
) STRICT;
CREATE UNIQUE INDEX notes_vendor_key ON notes (vendor, id);
CREATE INDEX notes_license_idx ON notes (vendor, license, id);
CREATE INDEX notes_customer_idx ON notes (vendor, customer, id);
