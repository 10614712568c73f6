SELECT id, recording, reason, owner, until_event, review_on, set_at, released_at FROM holds
WHERE released_at IS NULL ORDER BY review_on, id
