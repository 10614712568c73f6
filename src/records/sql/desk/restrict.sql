UPDATE recordings SET life = 'restricted', life_at = $2 WHERE id = $1 AND life = 'kept'
