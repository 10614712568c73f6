SELECT id, life FROM recordings
WHERE id > $1
      AND (life = 'restricted'
           OR life = 'kept' AND id IN (SELECT recording FROM case_recordings JOIN cases ON cases.id = case_recordings.case_id
                                       WHERE closed_at IS NULL AND needed_at <= $2))
ORDER BY id LIMIT $3
