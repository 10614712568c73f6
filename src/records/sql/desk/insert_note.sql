INSERT INTO notes (id, recording, purpose, author, text, at_seconds, written_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
