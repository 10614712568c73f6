SELECT id, opened_by, opened_at, needed_at, closed_at, outcome, judged_on FROM cases
WHERE closed_at IS NULL AND needed_at >= $1 AND (needed_at, id) > ($1, $2) ORDER BY needed_at, id LIMIT $3
