# "Beslissingen": wat twee mensen beslissen. "Lesmateriaal": wat cursisten horen.

decisions-title = Beslissingen
decisions-two = De een stelt voor, een ander beslist hier. Wie op de opdrachtregel voor beiden handelt, is één persoon.
decisions-none = Er wacht niets op een beslissing.
decisions-proposed = Voorgesteld door { $by }, { $moment }:
decisions-basis = Grondslag
decisions-until = Eindigt met
decisions-review = Opnieuw bekeken op
decisions-agreed = Het ja van de medewerker
decisions-awaits = Nog gevraagd
decisions-own = U hebt dit voorgesteld: iemand anders beslist.
decisions-pressers-first = Wie drukte kan erop beoordeeld worden: het wacht op het ja van elke medewerker die dat deed, op de pagina "Mijn gesprekken".
decisions-agent-first = Het wacht op het ja van de medewerker, op de pagina "Mijn gesprekken".
decisions-listen-first = U keurt het goed als tweede luisteraar: luister eerst.
decisions-compatible = Waarom dit past bij waarvoor de opname gemaakt is
decisions-informed = De klant is geïnformeerd op
decisions-approve = Goedkeuren
decisions-refuse = Weigeren
decisions-why = Waarom
decisions-refuse-do = Weiger het

purposes-ask = Gebruik het voor iets anders
purposes-what = Een ander beslist. Als een medewerker erop beoordeeld kan worden, wordt eerst elke medewerker gevraagd die drukte.
purposes-purpose = Waarvoor
purposes-purpose-hint = Op die in de lijst wordt geen medewerker beoordeeld, behalve op "evaluation". Op elk ander woord kan het wel.
purposes-reason = Waarom
purposes-ask-do = Stel het voor
purposes-in-force = Besloten, en van kracht
purposes-end = Het is afgelopen
purposes-end-what = De opname wordt hier niet meer voor bewaard. Zonder ander doel gaat zij weg.
purposes-end-do = Beëindig het

teaching-title = Lesmateriaal
teaching-rule = Cursisten horen het hier. Het wordt niet gekopieerd, en elke keer luisteren wordt genoteerd.
teaching-none = Er is geen lesmateriaal voor u.
teaching-until = Opnieuw bekeken op { $day }
teaching-not-named = Alleen de cursisten ervan horen het.
teaching-trainees = Cursisten
teaching-name = Mag het horen
teaching-withdraw = Mag het niet meer horen
teaching-propose = Als lesmateriaal gebruiken
teaching-propose-what = De medewerker wordt het op de eigen pagina gevraagd; dan beslist een tweede luisteraar, die u niet bent.
teaching-reason = Wat leert men ervan?
teaching-propose-do = Voorstellen
