SELECT id, call, began_at, ends_at, erased_at FROM recordings
WHERE id > $1 AND life IN ('kept', 'restricted') AND state <> 'committing'
      AND (life = 'restricted'
           OR EXISTS (SELECT 1 FROM purposes WHERE purposes.recording = recordings.id AND purpose = 'incident')
           OR EXISTS (SELECT 1 FROM anchors WHERE anchors.recording = recordings.id AND purpose = 'quality' AND anchor = 'learning-moment')
           OR EXISTS (SELECT 1 FROM notes JOIN replies ON replies.note = notes.id
                      WHERE notes.recording = recordings.id AND replies.kind = 'objection' AND replies.decided_at IS NULL))
ORDER BY id LIMIT $2
