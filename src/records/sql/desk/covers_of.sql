SELECT recording, 'hold' AS cover FROM holds
WHERE released_at IS NULL
      AND recording IN ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)
UNION
SELECT frozen.recording, 'request' AS cover FROM request_recordings AS frozen
JOIN requests ON requests.id = frozen.request JOIN recordings ON recordings.id = frozen.recording
WHERE requests.answered_at IS NULL AND frozen.state <> 'excluded' AND NOT (requests.kind = 'erasure' AND recordings.erased_at IS NOT NULL)
      AND frozen.recording IN ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)
