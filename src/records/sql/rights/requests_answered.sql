SELECT id, answered_at FROM requests WHERE answered_at IS NOT NULL AND answered_at <= $1 AND (answered_at, id) < ($1, $2)
ORDER BY answered_at DESC, id DESC LIMIT $3
