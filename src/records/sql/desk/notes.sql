SELECT id, purpose, author, text, at_seconds, written_at FROM notes WHERE recording = $1 ORDER BY written_at, id
