INSERT INTO cases (id, opened_by, opened_at, handler, needed_at) VALUES ($1, $2, $3, $4, $3)
