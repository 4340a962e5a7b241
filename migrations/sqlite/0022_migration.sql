-- Licenses that came from another system, and who of them has arrived.
CREATE TABLE migrated_licenses (
    license BLOB NOT NULL PRIMARY KEY,
    vendor BLOB NOT NULL,
    import BLOB NOT NULL,
    -- Which system they came from.
    source TEXT NOT NULL,
    -- When a device was activated for the first time; null until then.
    activated_at INTEGER,
    FOREIGN KEY (vendor, license) REFERENCES licenses (vendor, id),
    FOREIGN KEY (vendor, import) REFERENCES imports (vendor, id)
) STRICT;
-- How many of an import have arrived is counted over this alone.
CREATE INDEX migrated_licenses_import_idx ON migrated_licenses (vendor, import, activated_at, license);

CREATE TRIGGER migrated_licenses_activated AFTER UPDATE OF seen_at ON license_use WHEN old.seen_at = 0 AND new.seen_at > 0 BEGIN
    UPDATE migrated_licenses SET activated_at = new.seen_at WHERE license = new.license AND activated_at IS NULL;
END;

-- Devices by the ids that another system gave them. A device that was active there goes on here under that id.
CREATE TABLE known_devices (
    license BLOB NOT NULL,
    instance TEXT NOT NULL,
    vendor BLOB NOT NULL,
    device BLOB NOT NULL,
    PRIMARY KEY (license, instance),
    FOREIGN KEY (vendor, license) REFERENCES licenses (vendor, id)
) STRICT;
CREATE INDEX known_devices_device_idx ON known_devices (license, device);

-- Which systems' clients a product answers, once that was switched on.
CREATE TABLE gateways (
    product BLOB NOT NULL,
    kind TEXT NOT NULL,
    vendor BLOB NOT NULL,
    switched_off_at INTEGER,
    -- What its clients are answered with, as JSON.
    settings TEXT NOT NULL,
    -- What answers are signed with, where the system signs them.
    kid TEXT,
    public_key BLOB,
    seed_sealed BLOB,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (product, kind),
    FOREIGN KEY (vendor, product) REFERENCES products (vendor, id)
) STRICT;
