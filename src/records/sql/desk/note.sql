SELECT id, recording FROM notes WHERE id = $1 OR recording = $1 ORDER BY written_at DESC, id DESC LIMIT 1
