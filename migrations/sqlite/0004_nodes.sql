-- Server processes, over their restarts. Every document that a node signed before its `settled_at`, by its own clock, is
-- accounted for in the other tables: what may be reclaimed is decided by that.
CREATE TABLE nodes (
    id BLOB NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    region TEXT NOT NULL,
    version TEXT NOT NULL,
    state TEXT NOT NULL,
    wanted TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL,
    settled_at INTEGER NOT NULL,
    -- What was signed between these two may be missing: the process ended without a word.
    lost_from INTEGER NOT NULL,
    lost_until INTEGER NOT NULL,
    report TEXT NOT NULL
) STRICT;
CREATE INDEX nodes_state_idx ON nodes (state, settled_at);
