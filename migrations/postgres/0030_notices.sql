-- Of what customers are told by mail without asking for it, as JSON; what it does not say is as usual.
ALTER TABLE mail_looks ADD COLUMN notices TEXT COLLATE "C" NOT NULL DEFAULT '{}';

-- Of which end of a license its customer was told.
CREATE TABLE renewal_notices (
    license UUID NOT NULL,
    ends_at BIGINT NOT NULL,
    vendor UUID NOT NULL,
    PRIMARY KEY (license, ends_at),
    FOREIGN KEY (vendor, license) REFERENCES licenses (vendor, id)
);
CREATE INDEX renewal_notices_end_idx ON renewal_notices (ends_at);

-- When the customer of a license was last told that all of its seats are taken.
CREATE TABLE seat_limit_notices (
    license UUID NOT NULL PRIMARY KEY,
    vendor UUID NOT NULL,
    told_at BIGINT NOT NULL,
    FOREIGN KEY (vendor, license) REFERENCES licenses (vendor, id)
);
