SELECT COUNT(*) FROM holds WHERE recording = $1 AND reason = $2 AND set_at >= $3
