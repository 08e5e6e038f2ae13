-- Readers never wait for a writer; the setting stays in the file.
PRAGMA journal_mode = WAL;

BEGIN;

CREATE TABLE IF NOT EXISTS member (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    -- The name as it is compared: nobody can sign up as "ADA" beside "Ada".
    name_key TEXT NOT NULL UNIQUE,
    password_hash TEXT NOT NULL
);

CREATE TABLE IF NOT EXISTS post (
    id INTEGER PRIMARY KEY,
    author_id INTEGER NOT NULL REFERENCES member (id),
    -- UTC, as ISO 8601.
    created TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')),
    edited TEXT,
    title TEXT NOT NULL,
    body TEXT NOT NULL,
    -- The name of a file in the instance folder's `pictures`, and the words for those who cannot see it.
    picture TEXT,
    picture_text TEXT NOT NULL DEFAULT ''
);

COMMIT;
