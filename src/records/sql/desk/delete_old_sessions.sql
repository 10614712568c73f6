DELETE FROM sessions WHERE began_at <= $1 OR seen_at <= $2
