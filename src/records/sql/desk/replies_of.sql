SELECT note, replies.author, kind, replies.text, replies.written_at, decision FROM replies JOIN notes ON notes.id = replies.note
WHERE notes.recording IN ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)
ORDER BY replies.written_at, replies.id
