# For customers: what is read aloud, and the page.

spoken-sample = { $one_in ->
    [one] We keep every call
   *[other] We keep one call in { $one_in }
} for coaching; press { $object_key } if you do not want that.
spoken-incident = { $covers ->
    [yes] If somebody behaves unacceptably we may keep the whole call, unless you press { $object_key }.
   *[no] { $sampled ->
        [yes] If somebody behaves unacceptably we may keep the whole call, even after you press { $object_key }.
       *[no] If somebody behaves unacceptably we may keep the whole call.
    }
}
spoken-page = See { $page }.

notice-title = How we record calls
notice-spoken = Read aloud before the call
notice-who = { $controller } is the controller of these recordings. Contact: { $contact }. Privacy officer: { $officer }.

notice-memory-heading = Every call is held in memory
notice-memory = Every call is held in the memory of our computer while it lasts{ $after_hangup_set ->
    [yes] , and for { $after_hangup } after you hang up
   *[no] {""}
}. It is not on a disk. A call that is not selected is overwritten then; nothing of its sound remains, not in a backup either.
notice-memory-record = A call that is selected is kept whole, from its first second. While you are on hold, and while card details are given, nothing is held of { $keep_agent ->
    [yes] you
   *[no] either side
}.

notice-why-heading = Why we keep a call, and for how long
notice-sample = { $sampled ->
    [no] No calls are drawn for coaching.
   *[yes] { $one_in ->
        [one] Every call is kept for coaching ({ $basis_quality }).
       *[other] One call in { $one_in } is drawn by lot for coaching ({ $basis_quality }). Nobody chooses which one, and a works council can verify that.
    } { $rule_quality } At most: { $ceiling_quality }
}
notice-incident = An agent may keep a whole call in which a customer crosses a line ({ $basis_incident }). { $rule_incident } At most: { $ceiling_incident }
notice-request = If you ask for a copy, the call is kept for that ({ $basis_request }). { $rule_request }
notice-training = A call from which there is something to learn may become teaching material ({ $basis_training }). Names and numbers in it are silenced first. { $rule_training } At most: { $ceiling_training }
notice-other = Nothing is used for anything else, unless two people decide that and write down why; you are told of it. At most: { $ceiling_other }
notice-hold = A court, a claim or the police can stop a deletion. Such a stop has an owner, and is looked at again within { $hold_review_days }.

notice-object-heading = You may object
notice-object = { $wired ->
    [yes] Press { $object_key } during the call: it can't be drawn for coaching then.
   *[no] Tell the agent during the call: it can't be drawn for coaching then.
} { $covers ->
    [yes] It can't be kept for an incident either.
   *[no] It can still be kept for an incident, which is another purpose.
} Afterwards, tell us your number: what was kept of you for coaching and teaching is deleted, and later calls are not drawn, until you withdraw that.

notice-rights-heading = Your other rights
notice-rights = You may ask for a copy of a recording, for its correction, for its erasure, and for a restriction of its use. We answer within { $request_months } from receipt; we may need { $request_extension_months } more, and then tell you why before that. From the moment we have your request, what it covers is not deleted by our own rules.
notice-complaint = You may complain to the supervisory authority of your country.
notice-who-listens-heading = Who listens
notice-who-listens = Every time somebody listens, that is noted with their name and reason. Coaching sample: { $access_quality } Incidents: { $access_incident } Recordings are given to nobody else, but for the police or a court where the law says so. They do not leave the European Union.
notice-erasure = When a recording is deleted, its file is removed, which is verified, and proof of the deletion stays. Traces on the disk are overwritten later; what a disk keeps of overwritten blocks can't be promised.
