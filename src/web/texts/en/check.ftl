# "Check": what the works council sees for itself.

check-title = Check
check-what = The control log has a row for every call and every deed, without sound and without names.
check-at = It was verified, row by row, on { $moment }.
check-no-ledger = There is no control log yet: it begins with the first call.
check-fair = Was the lottery fair?
check-fair-yes = Nothing speaks against it: every draw is the one that seed and number give.
check-order = Was it heard in its order?
check-order-yes = Yes: calls were heard in the order of the lottery, or the log says openly where not.
check-kept = Was anything kept without a reason?
check-kept-yes = No: every recording has a reason that its call has, and every call has its number.
check-whole = Is the control log whole?
check-whole-yes = Yes: no row was changed, removed or added, and each day seal fits.
check-wrong = { $count ->
    [one] Something is wrong
   *[other] { $count } things are wrong
}. Ask the privacy officer.
check-found = { $count ->
    [one] One finding
   *[other] { $count } findings
}
check-more = There are more: `retrocall ledger verify` lists them all.
check-months = The lottery, month by month
check-plot = Drawn calls beyond what chance expects, summed from the first call on. Of a thousand honest lotteries 999 end within the grey band.
check-month = Month
check-verdict = What can be said of it
check-open-days = The draws of the last days can't be checked yet: their seeds are published when all their calls have ended.
check-policy = What changed in the policy?
check-policy-same = Nothing.
check-version = version { $number }
check-heads = Day seals
check-heads-why = Keep them yourself: whoever changes a row later can't change the seal that you have. With them, and with the export of the log, examples/verify_ledger.py checks everything on a laptop of your own.
check-no-heads = There is none yet: a day is sealed when it is over.

verdict-witnessed = Fair, and provable: the seeds were promised before you gave your number, and a seal shows it.
verdict-unwitnessed-not-promised = The seeds were not promised ahead, so they could have been chosen.
verdict-unwitnessed-no-number = You gave no number, so the seeds could have been chosen before the month began. Give one: 12 digits or more, once a month.
verdict-unwitnessed-number-late = Calls were drawn before you gave your number, so their seeds could have been chosen.
verdict-expired = Promise and number stood in a part of the log that has expired.
verdict-unwitnessed-no-head = No seal lies between the promise and your number, so the seeds could have been chosen after it.

goes-title = What goes when?
goes-kept = { $kept ->
    [one] One recording is
   *[other] { $kept } recordings are
} kept. { $soon } of them go within the weeks of this calendar, if nothing happens.
goes-held = { $count ->
    [one] One has no day while something holds it
   *[other] { $count } have no day while something holds them
}: a case, a request, a stopped deletion.
goes-calendar = How many recordings go on which day
goes-plot = How many recordings go in which week, the next half year. The highest bar stands for { $most }.
goes-week = Week of { $day }: { $count }
