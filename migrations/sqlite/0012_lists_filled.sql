-- The rows that were there before lists had something to be found by. About a minute with a million licenses and as many
-- seats, during which nothing else is written. Renewals and validations are answered meanwhile.

INSERT OR IGNORE INTO license_use (license, vendor, holder, taken, free, seen_at)
SELECT l.id, l.vendor, coalesce(c.name_folded, ''), l.seats_used, json_extract(l.terms, '$.seats') - l.seats_used,
    coalesce((SELECT max(s.last_seen_at) FROM seats s WHERE s.license = l.id), 0)
FROM licenses l LEFT JOIN customers c ON c.vendor = l.vendor AND c.id = l.customer;

INSERT OR IGNORE INTO texts (vendor, kind, subject, text)
SELECT vendor, 'customer', id,
    name_folded || char(10) || lower(coalesce(email, '') || char(10) || coalesce(external_id, '')) FROM customers;
INSERT OR IGNORE INTO texts (vendor, kind, subject, text) SELECT vendor, 'order', id, lower(external_id) FROM orders;
INSERT OR IGNORE INTO texts (vendor, kind, subject, text)
SELECT vendor, 'seat', id, lower(coalesce(name, '') || char(10) || coalesce(user_email, '')) FROM seats
WHERE name IS NOT NULL OR user_email IS NOT NULL;
