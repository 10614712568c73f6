SELECT 1 FROM proposals WHERE recording = $1 AND purpose = $2 AND refused_at IS NULL
