UPDATE recordings SET life = 'kept', life_at = $2 WHERE id = $1 AND life = 'restricted'
       AND NOT EXISTS (SELECT 1 FROM replies JOIN notes ON notes.id = replies.note
                       WHERE notes.recording = recordings.id AND replies.kind = 'objection' AND replies.decided_at IS NULL)
