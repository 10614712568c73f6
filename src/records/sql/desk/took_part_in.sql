SELECT id FROM recordings
WHERE id IN ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)
      AND (agent = $21 OR EXISTS (SELECT 1 FROM participants WHERE recording = recordings.id AND participants.agent = $21))
