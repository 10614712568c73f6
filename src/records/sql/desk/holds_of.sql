SELECT holds.id, recording, reason, owner, until_event, review_on, set_at, released_at, recordings.agent, recordings.began_at
FROM holds JOIN recordings ON recordings.id = holds.recording
WHERE recording = $1 ORDER BY set_at, holds.id
