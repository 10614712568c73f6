SELECT anchors.anchor, anchors.at, anchors.day
FROM purposes LEFT JOIN anchors ON anchors.recording = purposes.recording AND anchors.purpose = purposes.purpose AND anchors.about = purposes.about
WHERE purposes.recording = $1 AND purposes.purpose = $2 AND purposes.about = $3 ORDER BY anchors.place
