-- Server processes, over their restarts. Every document that a node signed before its `settled_at`, by its own clock, is
-- accounted for in the other tables: what may be reclaimed is decided by that.
CREATE TABLE nodes (
    id UUID NOT NULL PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL,
    region TEXT COLLATE "C" NOT NULL,
    version TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    wanted TEXT COLLATE "C" NOT NULL,
    started_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    settled_at BIGINT NOT NULL,
    -- What was signed between these two may be missing: the process ended without a word.
    lost_from BIGINT NOT NULL,
    lost_until BIGINT NOT NULL,
    report TEXT COLLATE "C" NOT NULL
);
CREATE INDEX nodes_state_idx ON nodes (state, settled_at);
