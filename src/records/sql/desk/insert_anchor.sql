INSERT INTO anchors (recording, purpose, about, place, anchor, at, day)
SELECT recording, purpose, about,
       1 + COALESCE((SELECT MAX(place) FROM anchors WHERE anchors.recording = purposes.recording
                     AND anchors.purpose = purposes.purpose AND anchors.about = purposes.about), 0),
       $4, $5, $6
FROM purposes WHERE recording = $1 AND purpose = $2 AND about = $3
