INSERT INTO policies (version, since, text) VALUES ($1, $2, $3)
