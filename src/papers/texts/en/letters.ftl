# Letters that answer a request.

letter-subject-copy = Your request for a copy: { $reference }
letter-subject-nothing-held = Your request: { $reference }
letter-subject-refused = Your request: { $reference }
letter-subject-erased = Your request for erasure: { $reference }
letter-opening = Dear Sir or Madam,
letter-received = We received your request on { $received }.
letter-copy = With this letter you receive a copy of { $count ->
    [one] the recording
   *[other] the { $count } recordings
} that we hold of you:
letter-nothing-held = We have searched for recordings of you, and hold none. Calls that were not selected leave no sound with us, so that there is nothing to give.
letter-refused = We can't grant your request. The ground: { $ground }
letter-erased = We have granted your request. { $count ->
    [0] Nothing could be erased yet.
    [one] This recording is erased:
   *[other] These { $count } recordings are erased:
}
letter-line = call of { $start }{ $has_length ->
    [yes] , { $length }
   *[no] {""}
}{ $kept_for ->
    [none] {""}
   *[other] ; kept for: { $kept_for }
}
letter-how-long = How long we keep it: { $rule_quality } { $rule_incident } { $rule_request }
letter-copies = The sound files lie beside this letter. They have what was said on both sides; passages that are silent were never held.
letter-deferred = { $count ->
    [one] This recording is erased too, as soon as what holds it back has ended:
   *[other] These { $count } recordings are erased too, as soon as what holds them back has ended:
}
letter-not-erased = These we can't erase. The ground: { $ground }
letter-recipients = These have a copy: { $recipients }.
letter-recipients-told = These had a copy, and are told of the erasure: { $recipients }.
letter-unnumbered = { $count ->
    [one] One recording was recovered after a fault without a number, and may be of anybody. If you know the time of your call, we can look there too:
   *[other] { $count } recordings were recovered after a fault without a number, and may be of anybody. If you know the time of your call, we can look there too:
}
letter-extension = The answer took longer: { $reason }
letter-promise = Erased means: the recording is out of reach at once, its file is removed with the next clean-up, which is verified, and its traces are overwritten afterwards. What a disk keeps of overwritten blocks, and copies that others have, can't be promised.
letter-rights = You may ask for correction, erasure, or a restriction of use, and may object. You may complain to the supervisory authority of your country, and go to court.
letter-term = This answer was due by { $due }.
letter-closing = Yours faithfully,
letter-sender = { $controller }
letter-contact = { $contact }
