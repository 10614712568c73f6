UPDATE requests SET ground = $2 WHERE id = $1
