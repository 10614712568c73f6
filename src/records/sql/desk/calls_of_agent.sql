SELECT COUNT(*) FROM calls WHERE agent = $1 AND began_at >= $2
