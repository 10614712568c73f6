# "Next call": a reviewer listens, and says what came of it.

next-title = Next call
next-fit = { $fit } of { $waiting } fit this week; the rest goes unheard.
next-fit-until = { $fit } of { $waiting } fit this week; the rest goes unheard, the first of it on { $day }.
next-beyond = { $beyond ->
    [one] One call lies
   *[other] { $beyond } calls lie
} beyond two weeks of listening and will be deleted unheard, the highest lottery value first. One in { $one_in } calls is drawn: a higher one_in draws fewer.
next-none = No call waits
next-none-why = The calls of a day join the queue when the day is over and all of them have ended. Come back tomorrow.
next-none-for-you = No call waits for you
next-none-for-you-why = You passed over those that wait. Somebody else hears them.
next-waiting = { $waiting ->
    [one] One call waits
   *[other] { $waiting } calls wait
}
next-order = They come in the order of the lottery, so that nobody chooses whom to hear.
next-listen = Next call
next-call-of = A call of { $moment }, { $length }
next-names-hidden = Names are shown once you have given an outcome.
next-behind = { $waiting ->
    [0] No other call waits.
    [one] One more waits behind it.
   *[other] { $waiting } more wait behind it.
}
next-outcome = What came of it?
next-note = What is there to learn? The agent reads this
next-at = At which place in the call (minutes:seconds), if one
next-note-missing = Write what there is to learn, so that the agent knows.
next-at-wrong = The place in the call is written as minutes:seconds, such as 1:30.
next-decide = Give the outcome
next-skip = Pass this call over
next-skip-why = Somebody else will hear it. That it was passed over, and why, stands in the control log.
next-skip-reason = Why?
next-skip-do = Pass it over
skip-own-call = It is a call of my own
skip-too-close = I am too close to somebody in it
skip-language = I don't understand the language
skip-inaudible = It can't be understood

outcome-no-finding = Nothing to discuss: delete now
outcome-does-no-finding = The recording goes with the next clean-up, within the hour, unless an incident or a request needs it.
outcome-learning-moment = A learning moment
outcome-does-learning-moment = The recording and your note stay until { $days ->
    [one] a day
   *[other] { $days } days
} after the agent's next evaluation, { $months ->
    [one] a month
   *[other] { $months } months
} at most. The agent sees both, and can reply or object.
outcome-private-call = A private call
outcome-does-private-call = The recording goes with the next clean-up, without a note about anybody.

sure-title = Delete this call?
sure-why = It can't be brought back.
sure-back = Back to the call

done-title = Done
done-agent = It was a call of { $agent }.
done-goes = The recording goes with the next clean-up, within the hour.
done-stays = The recording stays, but not for coaching. It is kept for: { $purposes }.
done-learning-moment = Your note is written. The recording stays until the evaluation.

player = Player
player-listen = Listen
player-noted = That you listen is noted: the agent sees it.

player-play = Play
player-pause = Pause
player-back = −10 s
player-forward = +10 s
player-speed = Speed
player-point = .
player-skip-silence = Skip silence
player-mute-agent = Mute agent
player-mute-customer = Mute customer
player-place = Place in the call
player-agent = Agent
player-customer = Customer
player-note-place = Note this place
player-keys = Keys: space plays and pauses, j and l jump 10 seconds, comma and point 3, + and − change the speed, s skips silence, 1 and 2 mute a leg, n notes the place.
player-press = “Keep this whole call” was pressed
player-mask = Silence (card details)
player-hold = On hold
player-erased = Erased
player-gap = Nothing came
player-failed = The sound does not come any more: you were logged out, or the recording is being deleted. Load the page again.
