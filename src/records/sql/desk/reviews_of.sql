SELECT id, in_order, outcome FROM reviews WHERE recording = $1 AND reviewer = $2 ORDER BY opened_at, id
