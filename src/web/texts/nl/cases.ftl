# "Dossiers": wat een teamleider volgt; en één opname met haar verhaal.

cases-title = Dossiers
cases-awaiting = Gesprekken die op een dossier wachten
cases-none-awaiting = Er wacht geen gesprek op een dossier.
cases-press-of = { $agent }, { $moment }
cases-last-day = De laatste dag om een dossier te openen is { $day }. Daarna wordt de opname gewist.
cases-open-one = Dossier openen
cases-attach = Bij een open dossier voegen
cases-attach-do = Toevoegen
cases-attach-other = Een ander open dossier
cases-dismiss = Er is per vergissing gedrukt
cases-dismiss-does = De opname gaat weg bij het volgende opruimen, tenzij iets anders haar bewaart.
cases-dismiss-why = Waarom?
cases-dismiss-do = Laten gaan
cases-open = Open dossiers
cases-none-open = Er is geen dossier open.
cases-closed = Gesloten
cases-case-of = Dossier van { $moment }, geopend door { $by }
cases-nothing-kept = De opnamen zijn gewist.
cases-recording = Opname { $number }
cases-needed-until = Nog nodig? Zonder antwoord kan vanaf { $restricted } alleen de functionaris gegevensbescherming nog bij de opnamen, en op { $deleted } worden ze gewist.
cases-restricted = Functionaris gegevensbescherming: is dit dossier nog nodig? Niemand heeft dat gezegd. Sinds { $restricted } kunt alleen u nog bij de opnamen, en ze worden gewist op { $deleted }.
cases-still-needed = Nog nodig
cases-close = Dossier sluiten
cases-close-does = De opnamen gaan { $hours } uur later weg. Tot dan is het terug te nemen.
cases-outcome = Hoe is het afgelopen?
cases-judgment = Dag van het vonnis, als dat er was: dan telt de termijn voor hoger beroep
cases-close-do = Sluiten
cases-closed-until = Gesloten. De opnamen worden gewist op { $moment }; tot dan is het terug te nemen.
cases-closed-judged = Gesloten met het vonnis van { $day }. De opnamen blijven zolang de termijn voor hoger beroep loopt.
cases-closed-over = Gesloten en afgehandeld.
cases-reopen = Sluiting terugnemen

choosing-title = Bij een dossier voegen
choosing-of = Een medewerker, wie het opende, of een nummer
choosing-on = Geopend op
choosing-search = Zoeken
choosing-none = Geen open dossier voldoet hieraan.

recording-open = Luisteren
recording-title = { $agent }, { $moment }
recording-no-sound = De opname wordt nog geschreven, of is nu niet af te spelen. Kom terug als het gesprek voorbij is.
recording-uses = Wie luisterde
recording-holds = Wisstop
recording-released = opgeheven op { $moment }
