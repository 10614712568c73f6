SELECT id, opened_by, opened_at, needed_at, closed_at, outcome, judged_on FROM cases
WHERE closed_at IS NULL AND opened_at >= $2 AND opened_at < $3
      AND ($4 IS NULL OR id = $4 OR opened_by = $4
           OR EXISTS (SELECT 1 FROM case_recordings JOIN recordings ON recordings.id = case_recordings.recording
                      WHERE case_id = cases.id AND (life = 'kept' OR life = 'restricted' AND $5)
                            AND (recordings.id = $4 OR recordings.agent = $4
                                 OR EXISTS (SELECT 1 FROM participants WHERE participants.recording = recordings.id AND participants.agent = $4))))
ORDER BY opened_at DESC, id DESC LIMIT $1
