SELECT id, opened_by, opened_at, needed_at, closed_at, outcome, judged_on FROM cases ORDER BY needed_at, id
