-- What became of the trials of a time, read from this index alone.
CREATE INDEX trials_began_idx ON trials (vendor, product, created_at, converted_at, ends_at);
