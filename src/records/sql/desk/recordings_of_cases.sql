SELECT case_id, recording FROM case_recordings JOIN recordings ON recordings.id = case_recordings.recording
WHERE (life = 'kept' OR life = 'restricted' AND $21)
      AND case_id IN ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)
ORDER BY attached_at, recording
