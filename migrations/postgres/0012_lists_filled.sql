-- no-transaction
-- The rows that were there before lists had something to be found by, a few at a time, each few in a transaction of its own:
-- nobody waits for longer than that. What is written meanwhile the triggers see to; a row is locked before it is read, so
-- that what a trigger could not find is not overtaken. Broken off, it begins again and leaves what is there.
DO $$
DECLARE
    few UUID[];
    last UUID := '00000000-0000-0000-0000-000000000000';
BEGIN
    LOOP
        few := ARRAY(SELECT id FROM licenses WHERE id > last ORDER BY id LIMIT 500);
        EXIT WHEN cardinality(few) = 0;
        PERFORM 1 FROM licenses WHERE id = ANY (few) ORDER BY id FOR NO KEY UPDATE;
        PERFORM 1 FROM customers WHERE id IN (SELECT customer FROM licenses WHERE id = ANY (few)) ORDER BY id FOR SHARE;
        INSERT INTO license_use (license, vendor, holder, taken, free, seen_at)
        SELECT l.id, l.vendor, coalesce(c.name_folded, ''), l.seats_used,
            (l.terms::json ->> 'seats')::bigint - l.seats_used,
            coalesce((SELECT max(s.last_seen_at) FROM seats s WHERE s.license = l.id), 0)
        FROM licenses l LEFT JOIN customers c ON c.vendor = l.vendor AND c.id = l.customer WHERE l.id = ANY (few)
        ON CONFLICT (license) DO NOTHING;
        last := few[cardinality(few)];
        COMMIT;
    END LOOP;

    last := '00000000-0000-0000-0000-000000000000';
    LOOP
        few := ARRAY(SELECT id FROM customers WHERE id > last ORDER BY id LIMIT 500);
        EXIT WHEN cardinality(few) = 0;
        PERFORM 1 FROM customers WHERE id = ANY (few) ORDER BY id FOR SHARE;
        INSERT INTO texts (vendor, kind, subject, text)
        SELECT vendor, 'customer', id,
            name_folded || chr(10) || texts_folded(coalesce(email, '') || chr(10) || coalesce(external_id, ''))
        FROM customers WHERE id = ANY (few)
        ON CONFLICT (subject) DO NOTHING;
        last := few[cardinality(few)];
        COMMIT;
    END LOOP;

    last := '00000000-0000-0000-0000-000000000000';
    LOOP
        few := ARRAY(SELECT id FROM orders WHERE id > last ORDER BY id LIMIT 500);
        EXIT WHEN cardinality(few) = 0;
        INSERT INTO texts (vendor, kind, subject, text)
        SELECT vendor, 'order', id, texts_folded(external_id) FROM orders WHERE id = ANY (few)
        ON CONFLICT (subject) DO NOTHING;
        last := few[cardinality(few)];
        COMMIT;
    END LOOP;

    last := '00000000-0000-0000-0000-000000000000';
    LOOP
        few := ARRAY(SELECT id FROM seats WHERE id > last ORDER BY id LIMIT 500);
        EXIT WHEN cardinality(few) = 0;
        PERFORM 1 FROM seats WHERE id = ANY (few) ORDER BY id FOR SHARE;
        INSERT INTO texts (vendor, kind, subject, text)
        SELECT vendor, 'seat', id, texts_folded(coalesce(name, '') || chr(10) || coalesce(user_email, ''))
        FROM seats WHERE id = ANY (few) AND (name IS NOT NULL OR user_email IS NOT NULL)
        ON CONFLICT (subject) DO NOTHING;
        last := few[cardinality(few)];
        COMMIT;
    END LOOP;
END $$;
