INSERT INTO replies (id, note, author, kind, text, written_at) VALUES ($1, $2, $3, $4, $5, $6)
