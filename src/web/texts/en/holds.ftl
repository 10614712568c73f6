# What the officer stops, gives to somebody by law, and hands out: "Deletion stopped", "What existed then", the folder for the authority.

way-holds = Deletion stopped
way-inventory = What existed then

holds-title = Deletion stopped
holds-what = What is stopped here is not deleted, whatever the rules say. Somebody answers for it, and looks at it again within 180 days.
holds-none = No deletion is stopped. Open a recording, from a case, a request or "What existed then": there it can be.
holds-set = { $owner } answers for it, since { $moment }.
holds-until = It waits for: { $until }
holds-review = Looked at again by { $day }.
holds-release = Let the rules go on
holds-release-does = What was deferred happens with the next clean-up.
holds-release-why = Why?
holds-release-do = Let them go on
holds-stop = Stop its deletion
holds-reason = Why: the claim, the order
holds-until-what = What it waits for
holds-owner = Who answers for it
holds-review-on = When it is looked at again
holds-review-hint = Within 180 days.
holds-stop-do = Stop the deletion

recording-decide = Decide about it

disclose = Give it to somebody by law
disclose-what = To the police, to a court. It is noted first: an erasure names whoever has a copy.
disclose-to = To whom
disclose-ground = On which ground in law
disclose-reference = Their reference: of the order, or of the letter
disclose-do = Note it, and fetch the recording
disclose-noted = It is noted. Fetch the recording within a day; after that, note it again.
fetch-file = Fetch file { $number } of { $of }
fetch-sums = Fetch the checksums

inventory-title = What existed then
inventory-what = After a breach: every recording that existed at a time, also what is gone since, and of how many nobody can tell any more whose they were.
inventory-at = At which time
inventory-show = Show it
inventory-existed = { $count ->
    [one] One recording existed
   *[other] { $count } recordings existed
} on { $moment }
inventory-named = { $named } with a number; { $gone } deleted since, and no longer named; { $never } without a number.
inventory-backup = A backup of then names them: { $path }
inventory-call = Call
inventory-agent = Agent
inventory-customer = Customer
inventory-gone = Gone since
inventory-more = The first { $shown } are shown. The folder below has all of them.
folder-title = A folder for the authority
folder-what = One file with the record of processing, the facts of the assessment, the notices, every version of the policy, what existed then, and the day seals. It has customers' numbers: keep it as you keep the recordings.
folder-fetch = Fetch the folder

sweep-now = Clean up now
sweep-now-what = What is due goes within the hour; this has it go at once.
sweep-begun = The clean-up has begun
sweep-begun-what = What is due goes now. A request shows its proof of deletion in a moment: load it again.
