SELECT id, opened_by, opened_at, needed_at, closed_at, outcome, judged_on FROM cases
WHERE closed_at IS NOT NULL AND closed_at <= $1 AND (closed_at, id) < ($1, $2) ORDER BY closed_at DESC, id DESC LIMIT $3
