SELECT id, recording, reason, owner, until_event, review_on, set_at, released_at FROM holds WHERE recording = $1 ORDER BY set_at, id
