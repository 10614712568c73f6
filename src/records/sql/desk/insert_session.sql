INSERT INTO sessions (hash, name, began_at, seen_at)
SELECT $1, users.name, $3, $3 FROM users JOIN passwords ON passwords.name = users.name
WHERE users.name = $2 AND removed_at IS NULL AND passwords.hash = $4
