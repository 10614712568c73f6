SELECT id, opened_by, opened_at, needed_at, closed_at, outcome, judged_on FROM cases
WHERE closed_at IS NULL ORDER BY opened_at DESC, id DESC LIMIT $1
