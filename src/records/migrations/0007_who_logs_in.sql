-- What people show to the pages and the API: passwords, and hashes of secrets that this file can't be made to give back.

-- A password, as argon2id leaves it (PHC string).
CREATE TABLE passwords (
    name TEXT NOT NULL PRIMARY KEY REFERENCES users (name) ON DELETE CASCADE,
    hash TEXT NOT NULL,
    set_at TEXT NOT NULL
);

-- Who is logged in. What a browser holds is not here, only its SHA-256. A new password or other roles end them.
CREATE TABLE sessions (
    hash TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL REFERENCES users (name) ON DELETE CASCADE,
    began_at TEXT NOT NULL,
    -- To the minute: nobody's clicks are counted.
    seen_at TEXT NOT NULL
);
CREATE INDEX sessions_name ON sessions (name);
CREATE INDEX sessions_seen ON sessions (seen_at);

-- What programs show: each belongs to a person, and does no more than one role of theirs.
CREATE TABLE tokens (
    id TEXT NOT NULL PRIMARY KEY,
    hash TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL REFERENCES users (name) ON DELETE CASCADE,
    role TEXT NOT NULL,
    made_at TEXT NOT NULL
);
CREATE INDEX tokens_name ON tokens (name);
