-- A call that was cut off, by a lost connection or because the engine went, may go on as another one, which names it.
ALTER TABLE calls ADD COLUMN continues TEXT;
ALTER TABLE recordings ADD COLUMN continues TEXT;

-- Whether the call was cut off: nobody hung up.
ALTER TABLE calls ADD COLUMN cut_off BOOLEAN NOT NULL DEFAULT FALSE;
UPDATE calls SET cut_off = TRUE WHERE outcome = 'lost' OR (outcome = 'kept' AND ended_at IS NULL);

-- The start of the engine asks which calls may go on: few, and only recent ones.
CREATE INDEX calls_cut_off ON calls (began_at) WHERE cut_off;
CREATE INDEX calls_continues ON calls (continues) WHERE continues IS NOT NULL;
