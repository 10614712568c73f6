SELECT 1 FROM recordings WHERE id = $1
       AND (agent = $2 OR EXISTS (SELECT 1 FROM participants WHERE recording = recordings.id AND participants.agent = $2))
