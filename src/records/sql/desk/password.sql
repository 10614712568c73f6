SELECT hash FROM passwords JOIN users ON users.name = passwords.name WHERE passwords.name = $1 AND removed_at IS NULL
