SELECT holds.id, recording, reason, owner, until_event, review_on, set_at, released_at, recordings.agent, recordings.began_at
FROM holds JOIN recordings ON recordings.id = holds.recording
WHERE released_at IS NULL ORDER BY review_on, holds.id
