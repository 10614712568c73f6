# "Cases": what a team lead follows; and one recording with its story.

cases-title = Cases
cases-awaiting = Presses that await a case
cases-none-awaiting = No press awaits a case.
cases-press-of = { $agent }, { $moment }
cases-last-day = The last day to open a case is { $day }. After it the recording is deleted.
cases-open-one = Open a case
cases-attach = Add it to a case that is open
cases-attach-do = Add it
cases-attach-other = Another case that is open
cases-dismiss = It was pressed by mistake
cases-dismiss-does = The recording goes with the next clean-up, unless something else keeps it.
cases-dismiss-why = Why?
cases-dismiss-do = Let it go
cases-open = Open cases
cases-none-open = No case is open.
cases-closed = Closed
cases-case-of = Case of { $moment }, opened by { $by }
cases-nothing-kept = Its recordings are deleted.
cases-recording = Recording { $number }
cases-needed-until = Still needed? Without an answer its recordings are the privacy officer's alone from { $restricted } on, and deleted on { $deleted }.
cases-restricted = Privacy officer: is this case still needed? Nobody has said so. Since { $restricted } its recordings are yours alone, and they are deleted on { $deleted }.
cases-still-needed = Still needed
cases-close = Close the case
cases-close-does = Its recordings go { $hours } hours later. Until then that can be taken back.
cases-outcome = How did it end?
cases-judgment = Day of the judgment, if there was one: then the term of appeal counts
cases-close-do = Close it
cases-closed-until = Closed. Its recordings are deleted on { $moment }; until then that can be taken back.
cases-closed-judged = Closed with the judgment of { $day }. Its recordings stay for the term of appeal.
cases-closed-over = Closed, and done with.
cases-reopen = Take the closing back

choosing-title = Add it to a case
choosing-of = An agent, whoever opened it, or an id
choosing-on = Opened on
choosing-search = Search
choosing-none = No open case answers to this.

recording-open = Listen
recording-title = { $agent }, { $moment }
recording-no-sound = The recording is still being written, or can't be played now. Come back when the call has ended.
recording-uses = Who listened
recording-holds = Deletion stopped
recording-released = released on { $moment }
