-- Who may hear a recording as teaching material, and nobody else by that right.
CREATE TABLE trainees (
    recording TEXT NOT NULL REFERENCES recordings (id) ON DELETE CASCADE,
    name TEXT NOT NULL REFERENCES users (name) ON DELETE CASCADE,
    named_by TEXT NOT NULL,
    named_at TEXT NOT NULL,
    PRIMARY KEY (recording, name)
);
CREATE INDEX trainees_name ON trainees (name);
