SELECT id, call, began_at, ends_at, erased_at FROM recordings
WHERE id > $1 AND life IN ('kept', 'restricted') AND state <> 'committing' ORDER BY id LIMIT $2
