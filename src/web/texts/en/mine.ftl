# "My calls": what an agent sees of their own.

mine-title = My calls
mine-kept = What is kept of your calls
mine-nothing = Nothing is kept of your calls.
mine-heard = { $heard } of your { $of } calls were heard since your last evaluation.
mine-too-few = That is too few to judge by.
mine-unusual-private-or-objected = In { $month } { $count } of your { $of } calls were private or objected to: more than 2 %, and three times what is usual here. You are told first; the privacy officer sees it when the month is over.
mine-unusual-pressed = In { $month } you pressed in { $count } of your { $of } calls: more than 10 %. You are told first; the privacy officer sees it when the month is over.
mine-call-of = { $moment }, { $length }
mine-until = Deleted on { $moment }, if nothing happens:
mine-held = Kept as long as something holds it:
mine-evaluation-late = Your evaluation is late. Without it, the recording and its note are deleted then.
mine-nobody-listened = Nobody has listened.
mine-listened = { $count ->
    [one] Somebody listened once
   *[other] Listened to { $count } times
}
mine-note-by = Note of { $author }, { $moment }
mine-note-at = at { $place }
mine-note-struck = This note was struck out.
mine-decided = Decided: { $decision }
mine-answer = Reply, or object
mine-answer-text = What you want to say
mine-reply = Reply
mine-object = Object to this note
mine-object-does = If you object, the recording is the privacy officer's alone until they have decided.
mine-private = This was a private call
mine-private-does = The recording goes with the next clean-up, and nobody listens to it for coaching.
mine-private-do = Delete it as private
mine-card = How long do you keep this?
mine-asked-evaluation = May this call be used for your evaluation?
mine-asked-evaluation-does = You pressed the button in this call. Nobody may judge you by it unless you say yes, here and yourself. If you say no, that is the end of it. If you say yes, the privacy officer still decides.
mine-asked-other = May this call be used for "{ $purpose }"?
mine-asked-other-does = You pressed the button in this call, and might be judged by what it is used for. That needs your own yes, here and yourself. If you say no, that is the end of it. If you say yes, the privacy officer still decides.
mine-asked-training = May this call become teaching material?
mine-asked-training-does = Colleagues would hear it, with names and numbers silent. Without your yes it does not happen. If you say yes, a second listener still decides.
mine-asked-by = Asked by { $by }, { $moment }:
mine-asked-yes = Yes, it may be used
mine-asked-no = No, it may not
mine-asked-agreed = You said yes. Somebody else decides now.
mine-asked-approved = You said yes, and it was approved.
mine-asked-refused = This was refused: the call is not used for it.
mine-asked-closed = The privacy officer has to decide about this recording first.

reply-reply = Reply
reply-objection = Objection
use-play = listened
use-export = took a copy
use-disclose = handed it over by law

why-awaits-review = nobody has listened and decided yet.
why-awaits-evaluation = a learning moment waits for your evaluation.
why-may-be-disputed = your evaluation was held, and you may dispute it.
why-disputed = it is disputed.
why-nothing-found = there was nothing to discuss.
why-private-call = it was a private call.
why-unheard = it lay beyond what can be heard.
why-agent-left = the agent left.
why-objected = the customer objects.
why-awaits-case = a press waits for a case.
why-dismissed = the press was a mistake.
why-case-open = its case is open.
why-case-closed = its case is closed, and that can still be taken back.
why-may-be-appealed = its case is closed, and the term of appeal runs.
why-request-open = a customer's request is to be answered.
why-request-answered = a customer's request was answered.
why-teaching = it is teaching material, until it is looked at again.
why-decided = it was decided to use it for something else, until that is looked at again.
why-ended = what it was kept for has happened.
why-erased = its erasure was granted.
why-hold = its deletion is stopped.
why-frozen = a customer's request covers it.
why-ordered = an order covers it.
why-agent-objects = an objection to its note is to be decided.
why-not-answered = nobody has said that its case is still needed.
