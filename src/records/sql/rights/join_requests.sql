INSERT INTO request_recordings (request, recording, state)
SELECT requests.id, recordings.id, 'candidate' FROM requests JOIN recordings ON recordings.call = $1
WHERE requests.answered_at IS NULL
      AND (requests.customer = recordings.customer OR requests.customer_form = recordings.customer_form
           OR requests.agent IS NOT NULL AND (requests.around IS NULL OR requests.around BETWEEN $2 AND $3)
              AND (requests.agent = recordings.agent
                   OR EXISTS (SELECT 1 FROM participants WHERE participants.recording = recordings.id AND participants.agent = requests.agent)))
      AND (requests.kind = 'access' OR recordings.began_at <= requests.entered_at)
      AND recordings.life IN ('kept', 'restricted')
ON CONFLICT (request, recording) DO NOTHING
