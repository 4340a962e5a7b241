-- Where the licenses came from that were imported before that was kept.
INSERT INTO migrated_licenses (license, vendor, import, source, activated_at)
SELECT import_rows.license, imports.vendor, imports.id, 'csv', nullif(license_use.seen_at, 0)
FROM imports JOIN import_rows ON import_rows.import = imports.id
JOIN license_use ON license_use.license = import_rows.license
WHERE imports.status = 'done' AND import_rows.fate IN ('create', 'created')
ON CONFLICT (license) DO NOTHING;
