INSERT INTO purposes (recording, purpose, about, basis) VALUES ($1, $2, $3, $4)
