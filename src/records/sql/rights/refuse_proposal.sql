UPDATE proposals SET refused_at = $2 WHERE id = $1
