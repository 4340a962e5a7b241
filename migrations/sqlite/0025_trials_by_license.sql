-- The trial of a license, found without walking through all that were begun.
CREATE INDEX trials_license_idx ON trials (license);
