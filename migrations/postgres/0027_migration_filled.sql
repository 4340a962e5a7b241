-- no-transaction
-- Where the licenses came from that were imported before that was kept, a few at a time, each few in a transaction of its own:
-- nobody waits for longer than that. Their use is locked before it is read, so that what the trigger could not find is not
-- overtaken. Broken off, it begins again and leaves what is there.
DO $$
DECLARE
    done RECORD;
    few UUID[];
    last BIGINT;
    next BIGINT;
BEGIN
    FOR done IN SELECT id, vendor FROM imports WHERE status = 'done' ORDER BY id LOOP
        last := -1;
        LOOP
            SELECT max(line), array_agg(license) FILTER (WHERE license IS NOT NULL AND fate IN ('create', 'created'))
            INTO next, few
            FROM (SELECT line, license, fate FROM import_rows WHERE import = done.id AND line > last ORDER BY line LIMIT 500) r;
            EXIT WHEN next IS NULL;
            PERFORM 1 FROM license_use WHERE license = ANY (few) ORDER BY license FOR SHARE;
            INSERT INTO migrated_licenses (license, vendor, import, source, activated_at)
            SELECT license, done.vendor, done.id, 'csv', nullif(seen_at, 0) FROM license_use WHERE license = ANY (few)
            ON CONFLICT (license) DO NOTHING;
            last := next;
            COMMIT;
        END LOOP;
    END LOOP;
END $$;
