INSERT INTO uses (id, recording, by_whom, kind, why, of, at) VALUES ($1, $2, $3, $4, $5, $6, $7)
