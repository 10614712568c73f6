SELECT COUNT(*) FROM holds WHERE id = $1 AND recording = $2
