UPDATE proposals SET agreed_by = $2, agreed_at = $3 WHERE id = $1
