# Words and durations that all papers share. A period comes as text, made by one of the first messages.

days = { $n ->
    [one] { $n } day
   *[other] { $n } days
}
working-days = { $n ->
    [one] { $n } working day
   *[other] { $n } working days
}
months = { $n ->
    [one] { $n } month
   *[other] { $n } months
}
hours = { $n ->
    [one] { $n } hour
   *[other] { $n } hours
}
seconds = { $n ->
    [one] { $n } second
   *[other] { $n } seconds
}
missing = (not set: { $name } in [papers] of retrocall.toml)
default-page = …/recordings
contents = Contents

version = Version { $version } of the policy, in force since { $since }.
version-next = These settings are not in force yet: the engine takes them up as version { $version } of the policy.

name-live = Every call, while it lasts
name-quality = Coaching sample
name-incident = Incident
name-request = Copy for a customer
name-training = Teaching material
name-other = Another purpose, decided by two people
name-ledger = Control log

purpose-live = To be able to keep a call from its first second, should it be selected
purpose-quality = To train agents with a fair sample of their calls
purpose-incident = To settle a matter in which a customer crossed a line
purpose-request = To give a customer a copy of the call
purpose-training = To teach with a call from which there is something to learn
purpose-other = As decided, with a reason, a lawful basis, and the event that ends it
purpose-ledger = To prove that the sample is fair, and that nothing is kept without a reason

basis-live = legitimate interest
basis-quality = legitimate interest
basis-incident = performance of the contract
basis-request = legal obligation
basis-training = legitimate interest, with a written reason
basis-other = as decided
basis-ledger = legal obligation: accountability

rule-live = Held in locked memory alone, until { $after_hangup_set ->
    [yes] { $after_hangup } after hangup
   *[no] hangup
}. A call that is not selected is overwritten then, and no file of it was ever made.
rule-quality = Nothing to discuss: deleted at once. A learning moment: kept until { $quality_dispute_days } after the agent's next evaluation, and as long as the agent disputes it. Deleted when the agent leaves or the customer objects.
rule-incident = Without a case: deleted after { $incident_working_days }. With a case: kept until { $case_closed_hours } after the case is closed, or { $case_appeal_months } after a judgment.
rule-request = Kept until the request is answered: within { $request_months } from its receipt, { $request_extension_months } more if it is extended with a reason.
rule-training = Kept until its review.
rule-other = Kept until the event that was named, or its review.
rule-ledger = Kept as whole months, and deleted month by month. It has neither sound nor customers; agents stand in it under pseudonyms.

ceiling-live = The end of the call.
ceiling-quality = { $quality_unheard_days } if nobody decides about it; else { $quality_max_months } from the call.
ceiling-incident = { $incident_max_days } without a case. An open case must be confirmed every { $still_needed_days }; without an answer the recording is closed to all but the privacy officer, and deleted { $still_needed_grace_days } later.
ceiling-request = The request's own term; an open request keeps what it covers.
ceiling-training = { $training_max_months }.
ceiling-other = { $other_review_days } from the decision.
ceiling-ledger = { $ledger_months }; the day seals stay.

access-live = Nobody: no command and no page reaches the sound of a live call.
access-quality = Reviewers; the agent whose call it is sees that it exists, until when, and who listened.
access-incident = Case handlers; the agent who pressed.
access-request = The privacy officer.
access-training = Named trainees, in the presence of a trainer; it is not downloaded.
access-other = Those whom the decision names.
access-ledger = The privacy officer and the works council.
