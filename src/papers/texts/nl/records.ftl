# Het verwerkingsregister (artikel 30), en de feiten voor de effectbeoordeling (artikel 35).

record-title = Register van verwerkingsactiviteiten (artikel 30 AVG)
record-controller = Verwerkingsverantwoordelijke: { $controller }. Contact: { $contact }. Functionaris gegevensbescherming: { $officer }.
record-purpose = Doel
record-basis = Grondslag
record-subjects = Betrokkenen
record-data = Persoonsgegevens
record-recipients = Ontvangers
record-transfers = Doorgifte buiten de Europese Unie
record-retention = Weg wanneer
record-ceiling = Uiterlijk
record-security-heading = Beveiliging

subjects = Klanten en medewerkers
subjects-ledger = Medewerkers, beoordelaars, dossierbehandelaars en functionarissen, onder schuilnamen
data-live = Geluid van beide kanten; naam van de medewerker; nummer van de klant, als dat bekend is; tijden en toestanden van het gesprek
data-recording = Geluid van beide kanten; naam van de medewerker; nummer van de klant, als dat bekend is; tijden van het gesprek; wie luisterde; aantekeningen
data-ledger = Tijden, lotingen en uitkomsten van gesprekken, en handelingen; geen geluid, geen klanten, geen vrije tekst
transfers = Geen

security-memory = Lopende gesprekken: vergrendeld geheugen dat niet naar schijf gaat; threads met geluid kunnen geen bestanden schrijven, op bevel van de kernel.
security-files = Opnames: bestanden voor één gebruiker van de machine, in een map voor die gebruiker. retrocall versleutelt ze niet: gebruik een versleuteld volume.
security-roles = Rollen: medewerker, beoordelaar, dossierbehandelaar, functionaris gegevensbescherming, beheerder, ondernemingsraad. Elke handeling wordt aan de rol getoetst en in het controlelogboek geschreven, ook als zij geweigerd werd.
security-deletion = Wissen: elk uur, in twee stappen, nagegaan, met een wisbewijs en een grafsteen, zodat geen reservekopie een opname terugbrengt.

assessment-title = Feiten voor de effectbeoordeling (artikel 35 AVG)
assessment-intro = Wat het systeem doet, volgens de instellingen zoals ze zijn. Noodzaak en evenredigheid beoordeelt u zelf.
assessment-what-heading = Wat verwerkt wordt
assessment-all = Elk gesprek staat in het geheugen. { $sampled ->
    [yes] Een op de { $one_in } gesprekken wordt geloot en bewaard
   *[no] Er wordt geen gesprek geloot
}; gesprekken waarin de medewerker op Bewaren drukte, of de klant om een kopie vroeg, worden bewaard; van alle andere blijft nergens geluid.
assessment-late = Een medewerker kan op Bewaren drukken { $after_hangup_set ->
    [yes] tot { $after_hangup } na het ophangen
   *[no] tot het ophangen
}, en dan wordt het hele gesprek bewaard.
assessment-review = { $review_set ->
    [yes] Beoordelaars kunnen { $review_per_week } gesprekken per week beluisteren; wat verder ligt dan twee weken daarvan wordt ongehoord gewist, de hoogste lotingswaarde eerst.
   *[no] Hoeveel gesprekken beoordelaars kunnen beluisteren is niet ingesteld; wat niemand beluistert, wordt na { $quality_unheard_days } gewist.
}
assessment-why-heading = Doelen, grondslagen, en wanneer elk eindigt
assessment-row = { $name }: { $purpose } ({ $basis }). { $rule } Uiterlijk: { $ceiling }
assessment-less-heading = Wat het beperkt
assessment-less-disk = Niet gekozen gesprekken staan nooit op een schijf: er hoeft later niets gewist te worden, en er staat niets in een reservekopie.
assessment-less-mask = Betaalgegevens en tijd in de wacht zijn stilte voordat ze vastgehouden worden{ $keep_agent ->
    [yes] ; de kant van de medewerker wordt vastgehouden terwijl de klant in de wacht staat
   *[no] {""}
}.
assessment-less-object = Bezwaar: { $wired ->
    [yes] met toets { $object_key } tijdens het gesprek, of later op nummer
   *[no] mondeling bij de medewerker tijdens het gesprek, of later op nummer; er is geen toets aangesloten
}; het { $covers ->
    [yes] verbiedt ook het bewaren voor een incident
   *[no] verbiedt niet het bewaren voor een incident
}.
assessment-less-days = Dagen zijn die van { $zone }; dagen waarop niet gewerkt wordt: { $free_days ->
    [0] alleen weekenden
   *[other] weekenden, en { $free_days } andere die ingesteld zijn
}.
assessment-less-hold = Een wisstop heeft een eigenaar, en wordt binnen { $hold_review_days } opnieuw bekeken.
assessment-less-warned = Een leermoment waarvan de beoordeling te laat is, wordt na { $quality_warning_months } aan HR en de medewerker gemeld.
assessment-risk-heading = Risico's die blijven
assessment-risk-root = Wie root is op de machine van retrocall kan het geheugen lezen door code in de kernel te laden, kan de loting voorspellen en sturen, en kan retrocall uitzetten. Alleen vergelijkingen in het controlelogboek zouden dat laten zien.
assessment-risk-voice = Een stem is in andermans handen een biometrisch kenmerk. retrocall analyseert geen stemmen, en schrijft niets uit.
assessment-risk-disk = Vrijgegeven blokken, flashgeheugen, journalen en momentopnamen kunnen bewaren wat gewist is: gebruik een versleuteld volume.
assessment-risk-export = Een kopie die het huis verlaten heeft, is voor elk wissen hier onbereikbaar. Het wisbewijs noemt zulke kopieën.
