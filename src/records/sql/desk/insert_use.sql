INSERT INTO uses (id, recording, by_whom, kind, why, of, to_whom, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
