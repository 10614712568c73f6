UPDATE proposals SET approved_by = $2, approved_at = $3 WHERE id = $1
