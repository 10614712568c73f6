SELECT tokens.name, role FROM tokens JOIN users ON users.name = tokens.name WHERE hash = $1 AND removed_at IS NULL
