-- Licenses that came from another system, and who of them has arrived.
CREATE TABLE migrated_licenses (
    license UUID NOT NULL PRIMARY KEY,
    vendor UUID NOT NULL,
    import UUID NOT NULL,
    -- Which system they came from.
    source TEXT COLLATE "C" NOT NULL,
    -- When a device was activated for the first time; null until then.
    activated_at BIGINT,
    FOREIGN KEY (vendor, license) REFERENCES licenses (vendor, id),
    FOREIGN KEY (vendor, import) REFERENCES imports (vendor, id)
);
-- How many of an import have arrived is counted over this alone.
CREATE INDEX migrated_licenses_import_idx ON migrated_licenses (vendor, import, activated_at, license);

CREATE FUNCTION migrated_licenses_activated() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE migrated_licenses SET activated_at = new.seen_at WHERE license = new.license AND activated_at IS NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER migrated_licenses_activated AFTER UPDATE OF seen_at ON license_use
FOR EACH ROW WHEN (old.seen_at = 0 AND new.seen_at > 0) EXECUTE FUNCTION migrated_licenses_activated();

-- Devices by the ids that another system gave them. A device that was active there goes on here under that id.
CREATE TABLE known_devices (
    license UUID NOT NULL,
    instance TEXT COLLATE "C" NOT NULL,
    vendor UUID NOT NULL,
    device BYTEA NOT NULL,
    PRIMARY KEY (license, instance),
    FOREIGN KEY (vendor, license) REFERENCES licenses (vendor, id)
);
CREATE INDEX known_devices_device_idx ON known_devices (license, device);

-- Which systems' clients a product answers, once that was switched on.
CREATE TABLE gateways (
    product UUID NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    vendor UUID NOT NULL,
    switched_off_at BIGINT,
    -- What its clients are answered with, as JSON.
    settings TEXT COLLATE "C" NOT NULL,
    -- What answers are signed with, where the system signs them.
    kid TEXT COLLATE "C",
    public_key BYTEA,
    seed_sealed BYTEA,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (product, kind),
    FOREIGN KEY (vendor, product) REFERENCES products (vendor, id)
);
