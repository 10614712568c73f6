SELECT closed_at FROM cases WHERE id = $1
