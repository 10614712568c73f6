SELECT notes.recording, MIN(replies.written_at) AS since FROM replies JOIN notes ON notes.id = replies.note
WHERE replies.kind = 'objection' AND replies.decided_at IS NULL
      AND notes.recording IN ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)
GROUP BY notes.recording
