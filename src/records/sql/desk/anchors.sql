SELECT anchor FROM anchors WHERE recording = $1 AND purpose = $2
