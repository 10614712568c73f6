# Voor de ondernemingsraad, en voor medewerkers.

council-title = Blad voor de ondernemingsraad
council-sample-heading = De steekproef
council-sample = { $sampled ->
    [yes] Een op de { $one_in } gesprekken wordt geloot, elk op zichzelf. Er is geen maximum per medewerker.
   *[no] Er wordt geen gesprek geloot.
}
council-number = De geheime waarden van de loting worden vóór elke maand beloofd; daarna geeft u een eigen getal (OR-getal). Pas samen beslissen ze. Zonder uw getal is het oordeel "unwitnessed": zonder getuige.
council-order = Gelote gesprekken worden beluisterd in de volgorde van de loting, met de naam van de medewerker verborgen tot de uitkomst gegeven is. Wie een gesprek overslaat, kiest een reden uit een lijst.
council-limit = { $review_set ->
    [yes] Per week kunnen { $review_per_week } gesprekken beluisterd worden. Wat verder ligt dan twee weken daarvan wordt ongehoord gewist, de hoogste lotingswaarde eerst.
   *[no] Hoeveel gesprekken per week beluisterd kunnen worden, is niet ingesteld.
}
council-check-heading = Wat u zelf kunt nagaan
council-check = `retrocall ledger verify` rekent de loting, de volgorde van het luisteren en elke reden om een gesprek te bewaren na, op uw eigen laptop, uit het controlelogboek en de dagzegels. Namen zijn niet nodig. Bewaar de dagzegels die u krijgt: zij zijn de enige getuige tegen wie de schijf van de machine kan beschrijven.
council-agents-heading = Wat medewerkers beschermt
council-agents-press = De knop beschermt de medewerker: een opname waar een medewerker om vroeg, wordt niet gebruikt om die medewerker te beoordelen zonder diens eigen bevestiging.
council-agents-see = Medewerkers zien vanaf de volgende ochtend welke van hun gesprekken in de steekproef zitten, tot wanneer, wie luisterde en waarom, en de aantekening, waarop zij kunnen antwoorden en waartegen zij bezwaar kunnen maken. Na een bezwaar kan alleen de functionaris gegevensbescherming bij de opname, tot die beslist.
council-agents-evaluation = { $rule_quality } Uiterlijk: { $ceiling_quality } Als de beoordeling uitblijft, worden HR en de medewerker na { $quality_warning_months } gewaarschuwd.
council-agents-report = Er is geen productiviteitsrapport. Cijfers over één medewerker gaan naar die medewerker, en naar de functionaris gegevensbescherming.
council-rules-heading = Waarom bewaard, weg wanneer
council-root-heading = Wat root kan
council-root-steer = Wie root is op de machine kan de geheime waarden van de loting lezen, en dus de loting voorspellen, en sturen door gesprekken te laten mislukken of opnieuw te starten. Alleen vergelijkingen over veel gesprekken (privé, bezwaar, verloren, niet geloot; tussen gelote en andere gesprekken) zouden dat laten zien: `ledger verify` maakt ze.
council-root-memory = Root kan code in de kernel laden en lopende gesprekken in het geheugen lezen. Geen programma kan dat voorkomen; vastleggen wat root doet, kan het laten zien.
council-root-clock = Root kan de klok verzetten. Een klok die verspringt opent geen dag en wist niets, tot iemand haar aanvaardt; beide staan in het controlelogboek.
council-root-log = Root kan het controlelogboek wissen of het einde eraf knippen. Een later dagzegel in uw handen laat dat zien.
council-erasure-heading = Wat wissen niet kan beloven
council-erasure-disk = Als een opname gewist wordt, verdwijnt het bestand; dat wordt nagegaan. Blokken van de schijf, flashgeheugen, journalen en momentopnamen kunnen het geluid bewaren tot ze overschreven zijn: een versleuteld volume is de remedie.
council-erasure-copies = Kopieën die de machine verlaten hebben (voor een klant, een rechtbank, de politie) zijn onbereikbaar. Het wisbewijs noemt ze.
council-erasure-backups = Een oudere reservekopie van de catalogus kan noemen wat gewist is; grafstenen voorkomen dat een herstel het terugbrengt.
council-erasure-ears = Wat iemand gehoord heeft, of van een luidspreker opgenomen heeft, kan niet gewist worden.

staff-title = Uw gesprekken: wat bewaard wordt, en wie het hoort
staff-memory = Elk gesprek staat in het geheugen zolang het duurt{ $after_hangup_set ->
    [yes] , en tot { $after_hangup } na het ophangen
   *[no] {""}
}. Als niemand het bewaart, wordt het dan gewist. Het stond nooit op een schijf.
staff-sample = { $sampled ->
    [yes] Een op de { $one_in } gesprekken wordt geloot voor de steekproef voor coaching. Niemand weet tijdens een gesprek of het geloot is: u niet, en uw teamleider niet.
   *[no] Er wordt geen gesprek geloot voor coaching.
}
staff-see = Vanaf de volgende ochtend ziet u welke van uw gesprekken in de steekproef zitten, tot wanneer, wie luisterde en waarom, en wat er genoteerd is: `retrocall recordings --mine`. U kunt op een aantekening antwoorden en er bezwaar tegen maken; dan beslist de functionaris gegevensbescherming.
staff-quality = { $rule_quality } Uiterlijk: { $ceiling_quality }
staff-press = Druk op "Bewaar dit hele gesprek" als een klant over de grens gaat{ $after_hangup_set ->
    [yes] , tot { $after_hangup } na het ophangen
   *[no] {""}
}: het hele gesprek wordt bewaard, vanaf de eerste seconde. { $rule_incident }
staff-press-mistake = Per ongeluk gedrukt: zeg het een dossierbehandelaar, die het afwijst. Een opname waar u om vroeg, kan niet gebruikt worden om u te beoordelen zonder uw eigen bevestiging.
staff-mask = "Stilte (betaalgegevens)" maakt beide kanten stil. "Privé: niet vasthouden" wist een privégesprek, en er wordt niets meer vastgehouden. "Niet voor coaching" is voor een klant die bezwaar maakt.
staff-copy = "Klant wil een kopie" bewaart het hele gesprek tot het verzoek beantwoord is: binnen { $request_months } na ontvangst.
staff-rates = Hoe vaak u gesprekken als privé of met bezwaar merkt, of op de knop drukt, hoort u als eerste als het ongewoon is, en daarna de functionaris gegevensbescherming. Er wordt niets om geweigerd.
staff-noted = Elke keer dat iemand naar een gesprek van u luistert, wordt dat opgeschreven. Als iemand ongewoon vaak luistert, hoort de functionaris gegevensbescherming dat.
staff-left = Als u vertrekt, wordt wat voor uw beoordeling bewaard was die dag gewist, tenzij er een verzoek of bezwaar open is.
