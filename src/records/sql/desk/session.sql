SELECT sessions.name, began_at, seen_at FROM sessions JOIN users ON users.name = sessions.name
WHERE hash = $1 AND removed_at IS NULL AND began_at > $2 AND seen_at > $3
