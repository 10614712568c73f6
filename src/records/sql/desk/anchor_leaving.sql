INSERT INTO anchors (recording, purpose, about, place, anchor, at)
SELECT recording, purpose, about,
       1 + COALESCE((SELECT MAX(place) FROM anchors WHERE anchors.recording = purposes.recording
                     AND anchors.purpose = purposes.purpose AND anchors.about = purposes.about), 0),
       'agent-left', $2
FROM purposes
WHERE purpose = 'quality'
      AND EXISTS (SELECT 1 FROM recordings WHERE id = purposes.recording AND life IN ('kept', 'restricted')
                  AND (agent = $1 OR EXISTS (SELECT 1 FROM participants WHERE participants.recording = recordings.id
                                             AND participants.agent = $1)))
RETURNING recording
