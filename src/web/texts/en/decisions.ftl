# "Decisions": what two people decide. "Teaching material": what trainees hear.

decisions-title = Decisions
decisions-two = One person proposes, somebody else decides here. Whoever acts for both on the command line is one person.
decisions-none = Nothing waits for a decision.
decisions-proposed = Proposed by { $by }, { $moment }:
decisions-basis = Lawful basis
decisions-until = Ends with
decisions-review = Looked at again on
decisions-agreed = The agent's yes
decisions-awaits = Still asked
decisions-own = You proposed this: somebody else decides.
decisions-pressers-first = Whoever pressed may be judged by it: it waits for the yes of each agent who did, on their page "My calls".
decisions-agent-first = It waits for the yes of its agent, on their page "My calls".
decisions-listen-first = You approve it as a second listener: listen first.
decisions-compatible = Why this goes together with what the recording was made for
decisions-informed = The customer was informed on
decisions-approve = Approve
decisions-refuse = Refuse
decisions-why = Why
decisions-refuse-do = Refuse it

purposes-ask = Use it for something else
purposes-what = Somebody else decides. If an agent may be judged by it, each agent who pressed is asked first.
purposes-purpose = For what
purposes-purpose-hint = By those in the list no agent is judged, but by "evaluation". Any other word may judge one.
purposes-reason = Why
purposes-ask-do = Propose it
purposes-in-force = Decided, and in force
purposes-end = It has ended
purposes-end-what = The recording is no longer kept for this. Without another purpose it goes.
purposes-end-do = End it

teaching-title = Teaching material
teaching-rule = Trainees hear it here. It is not copied, and each play is noted.
teaching-none = There is no teaching material for you.
teaching-until = Looked at again on { $day }
teaching-not-named = It is played by its trainees alone.
teaching-trainees = Trainees
teaching-name = May hear it
teaching-withdraw = May hear it no longer
teaching-propose = Use it as teaching material
teaching-propose-what = Its agent is asked on their page; then a second listener decides, who is not you.
teaching-reason = What does it teach?
teaching-propose-do = Propose it
