# The record of processing activities (article 30), and the facts for the impact assessment (article 35).

record-title = Record of processing activities (article 30 GDPR)
record-controller = Controller: { $controller }. Contact: { $contact }. Privacy officer: { $officer }.
record-purpose = Purpose
record-basis = Lawful basis
record-subjects = Persons concerned
record-data = Personal data
record-recipients = Recipients
record-transfers = Transfers outside the European Union
record-retention = Deleted when
record-ceiling = At the latest
record-security-heading = Security

subjects = Customers and agents
subjects-ledger = Agents, reviewers, case handlers and officers, under pseudonyms
data-live = Sound of both sides; name of the agent; number of the customer, if known; times and states of the call
data-recording = Sound of both sides; name of the agent; number of the customer, if known; times of the call; who listened; notes
data-ledger = Times, draws and outcomes of calls, and deeds; no sound, no customers, no free text
transfers = None

security-memory = Live calls: locked memory that is neither swapped nor dumped; threads that carry sound can't write files, by order of the kernel.
security-files = Recordings: files for one user of the machine alone, in a folder for that user alone. Not encrypted by retrocall: use an encrypted volume.
security-roles = Roles: agent, reviewer, case handler, privacy officer, administrator, works council. Each deed is checked against the role and written in the control log, also when it was refused.
security-deletion = Deletion: hourly, in two steps, verified, with a proof of deletion and a tombstone, so that no backup brings a recording back.

assessment-title = Facts for the impact assessment (article 35 GDPR)
assessment-intro = What the system does, from its settings as they are. Judging necessity and proportionality is yours.
assessment-what-heading = What is processed
assessment-all = Every call is held in memory. { $sampled ->
    [yes] One call in { $one_in } is drawn by lot and kept
   *[no] No call is drawn
}; calls in which the agent pressed Record, or the customer asked for a copy, are kept; all others leave no sound anywhere.
assessment-late = An agent can press Record { $after_hangup_set ->
    [yes] until { $after_hangup } after hangup
   *[no] until hangup
}, and the whole call is kept then.
assessment-review = { $review_set ->
    [yes] Reviewers can hear { $review_per_week } calls a week; what lies beyond two weeks of that is deleted unheard, the highest lottery value first.
   *[no] How many calls reviewers can hear is not set; what nobody hears is deleted after { $quality_unheard_days }.
}
assessment-why-heading = Purposes, lawful bases, and when each ends
assessment-row = { $name }: { $purpose } ({ $basis }). { $rule } At the latest: { $ceiling }
assessment-less-heading = What limits it
assessment-less-disk = Unselected calls are never on a disk: nothing has to be deleted later, and nothing is in a backup.
assessment-less-mask = Card details and time on hold are silence before they are held{ $keep_agent ->
    [yes] ; the agent's side is held while the customer is on hold
   *[no] {""}
}.
assessment-less-object = Objection: { $wired ->
    [yes] by key { $object_key } during the call, or later by number
   *[no] by word to the agent during the call, or later by number; no key is wired
}; it { $covers ->
    [yes] also forbids keeping the call for an incident
   *[no] does not forbid keeping the call for an incident
}.
assessment-less-days = Days are those of { $zone }; days on which the desk does not work: { $free_days ->
    [0] weekends alone
   *[other] weekends, and { $free_days } more that are set
}.
assessment-less-hold = A stop of deletion has an owner, and is looked at again within { $hold_review_days }.
assessment-less-warned = A learning moment whose evaluation is late is told to HR and the agent after { $quality_warning_months }.
assessment-risk-heading = Risks that remain
assessment-risk-root = Whoever is root on the engine's machine can read live memory by loading code into the kernel, can predict and steer the lottery, and can switch the engine off. Only comparisons in the control log would show it.
assessment-risk-voice = A voice is a biometric trait in the hands of others. retrocall does not analyse voices, and transcribes nothing.
assessment-risk-disk = Freed blocks, flash storage, journals and snapshots may keep what was deleted: use an encrypted volume.
assessment-risk-export = A copy that has left the home is out of reach of every deletion here. The proof of deletion names such copies.
