SELECT id FROM recordings
WHERE (agent = $1 OR EXISTS (SELECT 1 FROM participants WHERE participants.recording = recordings.id AND participants.agent = $1))
      AND began_at <= $3 AND COALESCE(ends_at, began_at) >= $2 AND life IN ('kept', 'restricted')
ORDER BY id
