-- The region whose node signed the newest lease of a seat; null where that node was older than this.
ALTER TABLE seats ADD COLUMN region TEXT;

-- What bounds a license's leases, for counting all of them without reading the licenses themselves.
CREATE INDEX licenses_bounds_idx ON licenses (id, ends_at, plan);
