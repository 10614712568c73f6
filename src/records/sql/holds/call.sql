SELECT call FROM recordings WHERE id = $1
