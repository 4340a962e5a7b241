-- The browser bundles of the last releases. In a rolling upgrade any node is asked for the files of any other.
CREATE TABLE bundle_releases (
    release TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    first_seen_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL
);

CREATE TABLE bundle_files (
    release TEXT COLLATE "C" NOT NULL REFERENCES bundle_releases (release) ON DELETE CASCADE,
    name TEXT COLLATE "C" NOT NULL,
    coding TEXT COLLATE "C" NOT NULL,
    content_type TEXT COLLATE "C" NOT NULL,
    body BYTEA NOT NULL,
    PRIMARY KEY (release, name, coding)
);
CREATE INDEX bundle_files_name_idx ON bundle_files (name, coding);
