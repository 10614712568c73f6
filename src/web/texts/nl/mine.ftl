# "Mijn gesprekken": wat een medewerker van zichzelf ziet.

mine-title = Mijn gesprekken
mine-kept = Wat er van uw gesprekken bewaard is
mine-nothing = Er is niets van uw gesprekken bewaard.
mine-heard = Van uw { $of } gesprekken zijn er { $heard } gehoord sinds uw laatste beoordeling.
mine-too-few = Dat zijn er te weinig om op te beoordelen.
mine-unusual-private-or-objected = In { $month } waren { $count } van uw { $of } gesprekken privé of met bezwaar: meer dan 2 %, en driemaal wat hier gebruikelijk is. U hoort het eerst; de functionaris gegevensbescherming ziet het als de maand om is.
mine-unusual-pressed = In { $month } hebt u in { $count } van uw { $of } gesprekken op bewaren gedrukt: meer dan 10 %. U hoort het eerst; de functionaris gegevensbescherming ziet het als de maand om is.
mine-call-of = { $moment }, { $length }
mine-until = Gewist op { $moment }, als er niets gebeurt:
mine-held = Bewaard zolang iets het vasthoudt:
mine-evaluation-late = Uw beoordeling is te laat. Zonder beoordeling worden de opname en de notitie dan gewist.
mine-nobody-listened = Er heeft niemand geluisterd.
mine-listened = { $count ->
    [one] Er is één keer geluisterd
   *[other] Er is { $count } keer geluisterd
}
mine-note-by = Notitie van { $author }, { $moment }
mine-note-at = op { $place }
mine-note-struck = Deze notitie is doorgehaald.
mine-decided = Beslist: { $decision }
mine-answer = Antwoorden, of bezwaar maken
mine-answer-text = Wat u wilt zeggen
mine-reply = Antwoorden
mine-object = Bezwaar maken tegen deze notitie
mine-object-does = Als u bezwaar maakt, kan alleen de functionaris gegevensbescherming nog bij de opname, tot die beslist heeft.
mine-private = Dit was een privégesprek
mine-private-does = De opname gaat weg bij het volgende opruimen, en niemand luistert ernaar voor coaching.
mine-private-do = Wissen als privé
mine-card = Hoe lang bewaren jullie dit?
mine-asked-evaluation = Mag dit gesprek gebruikt worden voor uw beoordeling?
mine-asked-evaluation-does = U hebt in dit gesprek op bewaren gedrukt. Niemand mag u erop beoordelen, tenzij u hier zelf ja zegt. Zegt u nee, dan gaat het niet door. Zegt u ja, dan beslist de functionaris gegevensbescherming nog.
mine-asked-other = Mag dit gesprek gebruikt worden voor "{ $purpose }"?
mine-asked-other-does = U hebt in dit gesprek op bewaren gedrukt, en zou beoordeeld kunnen worden op waar het voor dient. Daarvoor is uw eigen ja nodig, hier en van uzelf. Zegt u nee, dan gaat het niet door. Zegt u ja, dan beslist de functionaris gegevensbescherming nog.
mine-asked-training = Mag dit gesprek lesmateriaal worden?
mine-asked-training-does = Collega's zouden het horen, met stilte op namen en nummers. Zonder uw ja gebeurt het niet. Zegt u ja, dan beslist een tweede luisteraar nog.
mine-asked-by = Gevraagd door { $by }, { $moment }:
mine-asked-yes = Ja, dat mag
mine-asked-no = Nee, dat mag niet
mine-asked-agreed = U hebt ja gezegd. Nu beslist iemand anders.
mine-asked-approved = U hebt ja gezegd, en het is goedgekeurd.
mine-asked-refused = Dit is geweigerd: het gesprek wordt er niet voor gebruikt.
mine-asked-closed = De functionaris gegevensbescherming moet eerst over deze opname beslissen.

reply-reply = Antwoord
reply-objection = Bezwaar
use-play = luisterde
use-export = nam een kopie
use-disclose = gaf het af volgens de wet

why-awaits-review = nog niemand heeft geluisterd en beslist.
why-awaits-evaluation = een leermoment wacht op uw beoordeling.
why-may-be-disputed = uw beoordeling is geweest, en u kunt die betwisten.
why-disputed = het wordt betwist.
why-nothing-found = er was niets te bespreken.
why-private-call = het was een privégesprek.
why-unheard = het paste niet bij wat er gehoord kan worden.
why-agent-left = de medewerker is vertrokken.
why-objected = de klant maakt bezwaar.
why-awaits-case = een druk op de knop wacht op een dossier.
why-dismissed = de druk op de knop was een vergissing.
why-case-open = het dossier is open.
why-case-closed = het dossier is gesloten, en dat is nog terug te nemen.
why-may-be-appealed = het dossier is gesloten, en de termijn voor hoger beroep loopt.
why-request-open = een verzoek van een klant moet beantwoord worden.
why-request-answered = een verzoek van een klant is beantwoord.
why-teaching = het is lesmateriaal, tot het herzien wordt.
why-decided = er is besloten het ergens anders voor te gebruiken, tot dat herzien wordt.
why-ended = waar het voor bewaard werd, is gebeurd.
why-erased = het wissen ervan is toegewezen.
why-hold = er geldt een wisstop.
why-frozen = een verzoek van een klant houdt het vast.
why-ordered = een opdracht houdt het vast.
why-agent-objects = over een bezwaar tegen de notitie moet beslist worden.
why-not-answered = niemand heeft gezegd dat het dossier nog nodig is.
