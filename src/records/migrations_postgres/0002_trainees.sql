-- Who may hear a recording as teaching material, and nobody else by that right.
CREATE TABLE trainees (
    recording TEXT COLLATE "C" NOT NULL REFERENCES recordings (id) ON DELETE CASCADE,
    name TEXT COLLATE "C" NOT NULL REFERENCES users (name) ON DELETE CASCADE,
    named_by TEXT COLLATE "C" NOT NULL,
    named_at TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (recording, name)
);
CREATE INDEX trainees_name ON trainees (name);
