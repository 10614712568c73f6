# For the works council, and for staff.

council-title = Sheet for the works council
council-sample-heading = The sample
council-sample = { $sampled ->
    [yes] One call in { $one_in } is drawn by lot, each by itself. There is no cap for an agent.
   *[no] No call is drawn.
}
council-number = The lottery's secret values are promised before each month; then you give a number of your own (council's number). Only both together decide. Without your number the verdict is "unwitnessed".
council-order = Drawn calls are heard in the order of the lottery, with the agent's name hidden until the outcome is given. A call that is passed over needs a reason from a list.
council-limit = { $review_set ->
    [yes] { $review_per_week } calls a week can be heard. What lies beyond two weeks of that is deleted unheard, the highest lottery value first.
   *[no] How many calls can be heard in a week is not set.
}
council-check-heading = What you can check yourselves
council-check = `retrocall ledger verify` recomputes the lottery, the order of listening and every reason to keep a call, on your own laptop, from the control log and the day seals. It needs no names. Keep the day seals that you are given: they are the only witness against whoever can write the machine's disk.
council-agents-heading = What protects agents
council-agents-press = A press protects the agent: a recording that an agent asked for is not used to judge that agent without their own confirmation.
council-agents-see = Agents see from the next morning which of their calls are in the sample, until when, who listened and why, and the note, to which they can reply and object. An objection closes the recording to all but the privacy officer until it is decided.
council-agents-evaluation = { $rule_quality } At most: { $ceiling_quality } If the evaluation does not happen, HR and the agent are warned after { $quality_warning_months }.
council-agents-report = There is no report on productivity. Figures about one agent go to that agent, and to the privacy officer.
council-rules-heading = Why kept, deleted when
council-root-heading = What root can do
council-root-steer = Whoever is root on the engine's machine can read the lottery's secret values, and so predict the draw, and steer it by making calls fail or by restarting. Only comparisons over many calls (private, objected, lost, undrawn; between drawn and other calls) would show it: `ledger verify` makes them.
council-root-memory = Root can load code into the kernel and read live calls in memory. No program can prevent that; logging of root's sessions can show it.
council-root-clock = Root can set the clock. A clock that jumps opens no day and deletes nothing until somebody accepts it, and both are in the control log.
council-root-log = Root can delete the control log or cut off its tail. A later day seal in your hands shows that.
council-erasure-heading = What erasure can't promise
council-erasure-disk = When a recording is deleted its file is removed, which is verified. Blocks of the disk, flash storage, journals and snapshots may keep the sound until they are overwritten: an encrypted volume is the remedy.
council-erasure-copies = Copies that have left the machine (for a customer, a court, the police) are out of reach. The proof of deletion names them.
council-erasure-backups = A backup of the catalog from before may name what was deleted; tombstones keep a restore from bringing it back.
council-erasure-ears = What somebody has heard, or recorded from a loudspeaker, can't be erased.

staff-title = Your calls: what is kept, and who hears it
staff-memory = Every call is held in memory while it lasts{ $after_hangup_set ->
    [yes] , and for { $after_hangup } after hangup
   *[no] {""}
}. If nobody keeps it, it is wiped then. It was never on a disk.
staff-sample = { $sampled ->
    [yes] One call in { $one_in } is drawn by lot for the coaching sample. Nobody knows during a call whether it is drawn: neither you nor your team lead.
   *[no] No call is drawn for coaching.
}
staff-see = From the next morning on you see which of your calls are in the sample, until when, who listened and why, and what was noted: `retrocall recordings --mine`. You can reply to a note and object to it; the privacy officer decides then.
staff-quality = { $rule_quality } At most: { $ceiling_quality }
staff-press = Press "Keep this whole call" when a customer crosses a line{ $after_hangup_set ->
    [yes] , until { $after_hangup } after hangup
   *[no] {""}
}: the whole call is kept, from its first second. { $rule_incident }
staff-press-mistake = A press by mistake: tell a case handler, who dismisses it. A recording that you asked for can't be used to judge you without your own confirmation.
staff-mask = "Silence (card details)" makes both sides silence. "Don't hold this call" wipes a private call, and nothing more is held. "Not for coaching" is for a customer who objects.
staff-copy = "Customer wants a copy" keeps the whole call until the request is answered: within { $request_months } from receipt.
staff-rates = How often you mark calls as private, as objected to, or press, is told to you first if it is unusual, and then to the privacy officer. Nothing is refused because of it.
staff-noted = Each time somebody listens to a call of yours, that is noted. If somebody listens unusually often, the privacy officer is told.
staff-left = When you leave, what was kept for your evaluation is deleted on that day, unless a request or dispute is open.
