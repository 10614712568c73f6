-- Who talked for the desk in a recording, from when to when in its call. The recording's own `agent` is the first of them.
CREATE TABLE participants (
    recording TEXT NOT NULL REFERENCES recordings (id) ON DELETE CASCADE,
    agent TEXT NOT NULL,
    from_seconds DOUBLE PRECISION NOT NULL,
    to_seconds DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (recording, from_seconds)
);

CREATE INDEX participants_agent ON participants (agent);

INSERT INTO participants SELECT id, agent, 0, first_seconds + seconds FROM recordings WHERE seconds IS NOT NULL;

-- The files of a recording, in their order: more than one if it is longer than a WAV file can be. The recording's own `path` is that of the
-- first, its `bytes` and `seconds` are those of all.
CREATE TABLE parts (
    recording TEXT NOT NULL REFERENCES recordings (id) ON DELETE CASCADE,
    -- From 1.
    part BIGINT NOT NULL,
    path TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    seconds DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (recording, part)
);

INSERT INTO parts SELECT id, 1, path, bytes, seconds FROM recordings WHERE bytes IS NOT NULL AND seconds IS NOT NULL;
