# "Volgend gesprek": een beoordelaar luistert en zegt wat eruit kwam.

next-title = Volgend gesprek
next-fit = Er passen { $fit } van de { $waiting } in deze week; de rest wordt niet gehoord.
next-fit-until = Er passen { $fit } van de { $waiting } in deze week; de rest wordt niet gehoord, en de eerste daarvan gaat weg op { $day }.
next-beyond = { $beyond ->
    [one] Eén gesprek ligt
   *[other] { $beyond } gesprekken liggen
} verder dan twee weken luisteren en wordt ongehoord gewist, de hoogste lotingwaarde eerst. Eén op de { $one_in } gesprekken wordt geloot: een hogere one_in loot er minder.
next-none = Er wacht geen gesprek
next-none-why = De gesprekken van een dag komen in de rij als de dag om is en ze allemaal beëindigd zijn. Kom morgen terug.
next-none-for-you = Er wacht geen gesprek voor u
next-none-for-you-why = U hebt overgeslagen wat er wacht. Iemand anders luistert ernaar.
next-waiting = { $waiting ->
    [one] Er wacht één gesprek
   *[other] Er wachten { $waiting } gesprekken
}
next-order = Ze komen in de volgorde van de loting, zodat niemand kiest naar wie geluisterd wordt.
next-listen = Volgend gesprek
next-call-of = Een gesprek van { $moment }, { $length }
next-names-hidden = Namen staan er pas als u gezegd hebt wat eruit kwam.
next-behind = { $waiting ->
    [0] Er wacht geen ander gesprek.
    [one] Daarachter wacht er nog één.
   *[other] Daarachter wachten er nog { $waiting }.
}
next-outcome = Wat kwam eruit?
next-note = Wat valt er te leren? De medewerker leest dit
next-at = Op welke plek in het gesprek (minuten:seconden), als er een is
next-note-missing = Schrijf op wat er te leren valt, zodat de medewerker het weet.
next-at-wrong = De plek in het gesprek schrijft u als minuten:seconden, bijvoorbeeld 1:30.
next-decide = Vastleggen
next-skip = Dit gesprek overslaan
next-skip-why = Iemand anders luistert ernaar. Dat het overgeslagen is, en waarom, staat in het controlelogboek.
next-skip-reason = Waarom?
next-skip-do = Overslaan
skip-own-call = Het is een gesprek van mijzelf
skip-too-close = Iemand in het gesprek staat mij te na
skip-language = Ik versta de taal niet
skip-inaudible = Het is niet te verstaan

outcome-no-finding = Niets te bespreken: nu wissen
outcome-does-no-finding = De opname gaat weg bij het volgende opruimen, binnen een uur, tenzij een incident of een verzoek haar nodig heeft.
outcome-learning-moment = Een leermoment
outcome-does-learning-moment = De opname en uw notitie blijven tot { $days ->
    [one] een dag
   *[other] { $days } dagen
} na de volgende beoordeling van de medewerker, ten hoogste { $months ->
    [one] een maand
   *[other] { $months } maanden
}. De medewerker ziet beide, en kan antwoorden of bezwaar maken.
outcome-private-call = Een privégesprek
outcome-does-private-call = De opname gaat weg bij het volgende opruimen, zonder notitie over wie dan ook.

sure-title = Dit gesprek wissen?
sure-why = Het is niet terug te halen.
sure-back = Terug naar het gesprek

done-title = Vastgelegd
done-agent = Het was een gesprek van { $agent }.
done-goes = De opname gaat weg bij het volgende opruimen, binnen een uur.
done-stays = De opname blijft, maar niet voor coaching. Ze wordt bewaard voor: { $purposes }.
done-learning-moment = Uw notitie staat erbij. De opname blijft tot de beoordeling.

player = Speler
player-listen = Luisteren
player-noted = Dat u luistert wordt genoteerd: de medewerker ziet het.

player-play = Afspelen
player-pause = Pauze
player-back = −10 s
player-forward = +10 s
player-speed = Snelheid
player-point = ,
player-skip-silence = Stiltes overslaan
player-mute-agent = Medewerker dempen
player-mute-customer = Klant dempen
player-place = Plek in het gesprek
player-agent = Medewerker
player-customer = Klant
player-note-place = Deze plek noteren
player-keys = Toetsen: spatie speelt en pauzeert, j en l springen 10 seconden, komma en punt 3, + en − veranderen de snelheid, s slaat stiltes over, 1 en 2 dempen een kant, n noteert de plek.
player-press = Op “Bewaar dit hele gesprek” gedrukt
player-mask = Stilte (betaalgegevens)
player-hold = In de wacht
player-erased = Gewist
player-gap = Er kwam niets
player-failed = Er komt geen geluid meer: u bent uitgelogd, of de opname wordt gewist. Laad de pagina opnieuw.
