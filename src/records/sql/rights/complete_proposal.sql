UPDATE proposals SET compatibility = $2, informed_on = $3 WHERE id = $1
