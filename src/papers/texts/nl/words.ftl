# Woorden en termijnen die alle stukken delen. Een termijn komt als tekst, gemaakt met een van de eerste berichten.

days = { $n ->
    [one] { $n } dag
   *[other] { $n } dagen
}
working-days = { $n ->
    [one] { $n } werkdag
   *[other] { $n } werkdagen
}
months = { $n ->
    [one] { $n } maand
   *[other] { $n } maanden
}
hours = { $n } uur
seconds = { $n ->
    [one] { $n } seconde
   *[other] { $n } seconden
}
missing = (niet ingevuld: { $name } in [papers] van retrocall.toml)
default-page = …/opnames
contents = Inhoud

version = Versie { $version } van het beleid, van kracht sinds { $since }.
version-next = Deze instellingen zijn nog niet van kracht: retrocall neemt ze over als versie { $version } van het beleid.

name-live = Elk gesprek, zolang het duurt
name-quality = Steekproef voor coaching
name-incident = Incident
name-request = Kopie voor een klant
name-training = Lesmateriaal
name-other = Een ander doel, door twee mensen besloten
name-ledger = Controlelogboek

purpose-live = Om een gesprek vanaf de eerste seconde te kunnen bewaren, mocht het gekozen worden
purpose-quality = Om medewerkers te coachen aan de hand van een eerlijke steekproef van hun gesprekken
purpose-incident = Om een kwestie af te handelen waarin een klant over de grens ging
purpose-request = Om een klant een kopie van het gesprek te geven
purpose-training = Om les te geven met een gesprek waarvan iets te leren is
purpose-other = Zoals besloten, met een reden, een grondslag, en de gebeurtenis die het beëindigt
purpose-ledger = Om te bewijzen dat de steekproef eerlijk is, en dat niets zonder reden bewaard wordt

basis-live = gerechtvaardigd belang
basis-quality = gerechtvaardigd belang
basis-incident = uitvoering van de overeenkomst
basis-request = wettelijke verplichting
basis-training = gerechtvaardigd belang, met een schriftelijke reden
basis-other = zoals besloten
basis-ledger = wettelijke verplichting: verantwoording

rule-live = Alleen in vergrendeld geheugen, tot { $after_hangup_set ->
    [yes] { $after_hangup } na het ophangen
   *[no] het ophangen
}. Een gesprek dat niet gekozen is, wordt dan overschreven; er is nooit een bestand van gemaakt.
rule-quality = Niets te bespreken: meteen gewist. Een leermoment: bewaard tot { $quality_dispute_days } na de volgende beoordeling van de medewerker, en zolang de medewerker het betwist. Gewist als de medewerker vertrekt of de klant bezwaar maakt.
rule-incident = Zonder dossier: gewist na { $incident_working_days }. Met een dossier: bewaard tot { $case_closed_hours } na het sluiten van het dossier, of { $case_appeal_months } na een vonnis.
rule-request = Bewaard tot het verzoek beantwoord is: binnen { $request_months } na ontvangst, { $request_extension_months } langer als het met een reden verlengd is.
rule-training = Bewaard tot de herziening ervan.
rule-other = Bewaard tot de genoemde gebeurtenis, of tot de herziening.
rule-ledger = Bewaard in hele maanden, en per maand gewist. Er staat geen geluid en geen klant in; medewerkers staan er onder een schuilnaam in.

ceiling-live = Het einde van het gesprek.
ceiling-quality = { $quality_unheard_days } als niemand erover beslist; anders { $quality_max_months } na het gesprek.
ceiling-incident = { $incident_max_days } zonder dossier. Een open dossier moet elke { $still_needed_days } bevestigd worden; zonder antwoord kan alleen de functionaris gegevensbescherming nog bij de opname, en { $still_needed_grace_days } later wordt die gewist.
ceiling-request = De termijn van het verzoek; een open verzoek houdt vast waar het over gaat.
ceiling-training = { $training_max_months }.
ceiling-other = { $other_review_days } na het besluit.
ceiling-ledger = { $ledger_months }; de dagzegels blijven.

access-live = Niemand: geen opdracht en geen pagina komt bij het geluid van een lopend gesprek.
access-quality = Beoordelaars; de medewerker van wie het gesprek is ziet dat het er is, tot wanneer, en wie luisterde.
access-incident = Dossierbehandelaars; de medewerker die op de knop drukte.
access-request = De functionaris gegevensbescherming.
access-training = Genoemde cursisten, in aanwezigheid van een docent; het wordt niet gedownload.
access-other = Wie het besluit noemt.
access-ledger = De functionaris gegevensbescherming en de ondernemingsraad.
