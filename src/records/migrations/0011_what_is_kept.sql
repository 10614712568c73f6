-- Lists, the queue of the sample and sweeps look at what is kept: rows of recordings that are gone, which are most of them after a year, are in no
-- index of theirs.
DROP INDEX recordings_began;
DROP INDEX recordings_draw;
CREATE INDEX recordings_began ON recordings (began_at, id) WHERE life <> 'gone';
CREATE INDEX recordings_draw ON recordings (draw) WHERE draw IS NOT NULL AND life = 'kept';
CREATE INDEX recordings_kept ON recordings (id) WHERE life IN ('kept', 'restricted');
CREATE INDEX recordings_deleting ON recordings (id) WHERE life = 'deleting';

-- Whether somebody took part in a recording is asked of each that a list looks at.
DROP INDEX participants_agent;
CREATE INDEX participants_agent ON participants (agent, recording);
