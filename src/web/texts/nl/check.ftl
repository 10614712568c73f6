# "Controle": wat de ondernemingsraad zelf ziet.

check-title = Controle
check-what = Het controlelogboek heeft een regel voor elk gesprek en elke handeling, zonder geluid en zonder namen.
check-at = Het is nagerekend, regel voor regel, op { $moment }.
check-no-ledger = Er is nog geen controlelogboek: het begint bij het eerste gesprek.
check-fair = Was de loting eerlijk?
check-fair-yes = Niets spreekt ertegen: elke trekking is die van zaad en getal.
check-order = Is er in de goede volgorde geluisterd?
check-order-yes = Ja: er is geluisterd in de volgorde van de loting, of het logboek zegt openlijk waar niet.
check-kept = Is er iets zonder reden bewaard?
check-kept-yes = Nee: elke opname heeft een reden die haar gesprek heeft, en elk gesprek heeft zijn nummer.
check-whole = Is het controlelogboek heel?
check-whole-yes = Ja: geen regel is veranderd, weggehaald of toegevoegd, en elk dagzegel klopt.
check-wrong = { $count ->
    [one] Er klopt iets niet
   *[other] Er kloppen { $count } dingen niet
}. Vraag het de functionaris gegevensbescherming.
check-found = { $count ->
    [one] Eén bevinding
   *[other] { $count } bevindingen
}
check-more = Er zijn er meer: `retrocall ledger verify` noemt ze alle.
check-months = De loting, maand voor maand
check-plot = Gelote gesprekken boven wat het toeval verwacht, opgeteld vanaf het eerste gesprek. Van duizend eerlijke lotingen eindigen er 999 binnen de grijze band.
check-month = Maand
check-verdict = Wat erover te zeggen is
check-open-days = De trekkingen van de laatste dagen zijn nog niet na te rekenen: de zaden worden bekend als al hun gesprekken beëindigd zijn.
check-policy = Wat is er in het beleid veranderd?
check-policy-same = Niets.
check-version = versie { $number }
check-heads = Dagzegels
check-heads-why = Bewaar ze zelf: wie later een regel verandert, kan het zegel dat u hebt niet veranderen. Met de zegels en de uitvoer van het logboek rekent examples/verify_ledger.py alles na op een laptop van uzelf.
check-no-heads = Er is er nog geen: een dag krijgt zijn zegel als hij om is.

verdict-witnessed = Eerlijk, en te bewijzen: de zaden waren beloofd voor u uw OR-getal gaf, en een zegel laat dat zien.
verdict-unwitnessed-not-promised = De zaden waren niet vooraf beloofd, dus ze konden gekozen worden.
verdict-unwitnessed-no-number = U gaf geen OR-getal, dus de zaden konden voor het begin van de maand gekozen worden. Geef er een: 12 cijfers of meer, eens per maand.
verdict-unwitnessed-number-late = Er is geloot voor u uw OR-getal gaf, dus die zaden konden gekozen worden.
verdict-expired = Belofte en getal stonden in een deel van het logboek dat verlopen is.
verdict-unwitnessed-no-head = Er ligt geen zegel tussen de belofte en uw OR-getal, dus de zaden konden daarna gekozen worden.

goes-title = Wat gaat wanneer weg?
goes-kept = { $kept ->
    [one] Eén opname wordt
   *[other] { $kept } opnames worden
} bewaard. Daarvan gaan er { $soon } weg in de weken van deze kalender, als er niets gebeurt.
goes-held = { $count ->
    [one] Eén heeft geen dag zolang iets haar tegenhoudt
   *[other] { $count } hebben geen dag zolang iets ze tegenhoudt
}: een dossier, een verzoek, een wisstop.
goes-calendar = Hoeveel opnames op welke dag weggaan
goes-plot = Hoeveel opnames in welke week weggaan, het komende halfjaar. De hoogste staaf staat voor { $most }.
goes-week = Week van { $day }: { $count }
