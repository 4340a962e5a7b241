-- Seats of named users that were handed out to somebody: taken from then on, with or without a device.
CREATE TABLE seat_holders (
    vendor UUID NOT NULL,
    license UUID NOT NULL,
    email TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (license, email),
    FOREIGN KEY (vendor, license) REFERENCES licenses (vendor, id)
);

-- The license whose old key was typed by whoever asks for a code.
ALTER TABLE portal_sign_ins ADD COLUMN license UUID;

-- When a lease of the seat was last handed out for somebody to carry: its release counts as one by its holder.
ALTER TABLE seats ADD COLUMN lease_handed_out_at BIGINT;
