-- What somebody wrote down about a license or a customer; exactly one of the two is named.
CREATE TABLE notes (
    id UUID NOT NULL PRIMARY KEY,
    vendor UUID NOT NULL,
    license UUID,
    customer UUID,
    -- Who, as the audit log writes it.
    author TEXT COLLATE "C" NOT NULL,
    text TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    edited_at BIGINT,
    FOREIGN KEY (vendor, license) REFERENCES licenses (vendor, id),
    FOREIGN KEY (vendor, customer) REFERENCES customers (vendor, id),
    CHECK ((license IS NULL) <> (customer IS NULL))
);
CREATE UNIQUE INDEX notes_vendor_key ON notes (vendor, id);
CREATE INDEX notes_license_idx ON notes (vendor, license, id);
CREATE INDEX notes_customer_idx ON notes (vendor, customer, id);
