-- The browser bundles of the last releases. In a rolling upgrade any node is asked for the files of any other.
CREATE TABLE bundle_releases (
    release TEXT NOT NULL PRIMARY KEY,
    first_seen_at INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL
) STRICT;

CREATE TABLE bundle_files (
    release TEXT NOT NULL REFERENCES bundle_releases (release) ON DELETE CASCADE,
    name TEXT NOT NULL,
    coding TEXT NOT NULL,
    content_type TEXT NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (release, name, coding)
) STRICT;
CREATE INDEX bundle_files_name_idx ON bundle_files (name, coding);
