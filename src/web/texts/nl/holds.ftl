# What the officer stops, gives to somebody by law, and hands out: "Deletion stopped", "What existed then", the folder for the authority.

way-holds = Wisstop
way-inventory = Wat er toen was

holds-title = Wisstop
holds-what = Wat hier is gestopt, wordt niet gewist, wat de regels ook zeggen. Iemand is er verantwoordelijk voor, en kijkt er binnen 180 dagen opnieuw naar.
holds-none = Er is geen wisstop. Open een opname, vanuit een dossier, een verzoek of "Wat er toen was": daar kan het.
holds-set = { $owner } is ervoor verantwoordelijk, sinds { $moment }.
holds-until = Er wordt gewacht op: { $until }
holds-review = Opnieuw bekeken voor { $day }.
holds-release = De regels laten doorgaan
holds-release-does = Wat werd uitgesteld, gebeurt bij de volgende opruiming.
holds-release-why = Waarom?
holds-release-do = Laten doorgaan
holds-stop = Het wissen stoppen
holds-reason = Waarom: de claim, het bevel
holds-until-what = Waarop het wacht
holds-owner = Wie ervoor verantwoordelijk is
holds-review-on = Wanneer het opnieuw wordt bekeken
holds-review-hint = Binnen 180 dagen.
holds-stop-do = Het wissen stoppen

recording-decide = Hierover beslissen

disclose = Op grond van de wet aan iemand geven
disclose-what = Aan de politie, aan een rechter. Het wordt eerst genoteerd: bij wissen staat erbij wie een kopie heeft.
disclose-to = Aan wie
disclose-ground = Op welke grond in de wet
disclose-reference = Hun kenmerk: van het bevel, of van de brief
disclose-do = Noteren, en de opname ophalen
disclose-noted = Het is genoteerd. Haal de opname binnen een dag op; noteer het daarna opnieuw.
fetch-file = Bestand { $number } van { $of } ophalen
fetch-sums = De controlegetallen ophalen

inventory-title = Wat er toen was
inventory-what = Na een datalek: elke opname die er op een moment was, ook wat sindsdien weg is, en van hoeveel niemand meer kan zeggen van wie ze waren.
inventory-at = Op welk moment
inventory-show = Laten zien
inventory-existed = { $count ->
    [one] Eén opname was er
   *[other] { $count } opnames waren er
} op { $moment }
inventory-named = { $named } met een nummer; { $gone } sindsdien gewist, en niet meer op naam; { $never } zonder nummer.
inventory-backup = Een back-up van toen noemt ze: { $path }
inventory-call = Gesprek
inventory-agent = Medewerker
inventory-customer = Klant
inventory-gone = Weg sinds
inventory-more = De eerste { $shown } staan hier. In de map hieronder staan ze allemaal.
folder-title = Een map voor de toezichthouder
folder-what = Eén bestand met het verwerkingsregister, de feiten voor de effectbeoordeling, de kennisgevingen, elke versie van het beleid, wat er toen was, en de dagzegels. Er staan nummers van klanten in: bewaar het zoals u de opnames bewaart.
folder-fetch = De map ophalen

sweep-now = Nu opruimen
sweep-now-what = Wat weg moet, gaat binnen het uur weg; hiermee meteen.
sweep-begun = Het opruimen is begonnen
sweep-begun-what = Wat weg moet, gaat nu weg. Een verzoek toont zo het wisbewijs: laad het opnieuw.
