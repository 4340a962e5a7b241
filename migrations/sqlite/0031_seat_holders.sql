-- Seats of named users that were handed out to somebody: taken from then on, with or without a device.
CREATE TABLE seat_holders (
    vendor BLOB NOT NULL,
    license BLOB NOT NULL,
    email TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (license, email),
    FOREIGN KEY (vendor, license) REFERENCES licenses (vendor, id)
) STRICT;

-- The license whose old key was typed by whoever asks for a code.
ALTER TABLE portal_sign_ins ADD COLUMN license BLOB;

-- When a lease of the seat was last handed out for somebody to carry: its release counts as one by its holder.
ALTER TABLE seats ADD COLUMN lease_handed_out_at INTEGER;
