# Voor klanten: wat wordt voorgelezen, en de pagina.

spoken-sample = { $one_in ->
    [one] Elk gesprek bewaren wij
   *[other] Een op de { $one_in } gesprekken bewaren wij
} voor coaching; toets { $object_key } als u dat niet wilt.
spoken-incident = { $covers ->
    [yes] Bij onacceptabel gedrag kunnen wij het hele gesprek bewaren, tenzij u { $object_key } toetst.
   *[no] { $sampled ->
        [yes] Bij onacceptabel gedrag kunnen wij het hele gesprek bewaren, ook na toets { $object_key }.
       *[no] Bij onacceptabel gedrag kunnen wij het hele gesprek bewaren.
    }
}
spoken-page = Zie { $page }.

notice-title = Hoe wij gesprekken opnemen
notice-spoken = Voorgelezen vóór het gesprek
notice-who = { $controller } is verantwoordelijk voor deze opnames. Contact: { $contact }. Functionaris gegevensbescherming: { $officer }.

notice-memory-heading = Elk gesprek staat in het geheugen
notice-memory = Elk gesprek wordt vastgehouden in het geheugen van onze computer zolang het duurt{ $after_hangup_set ->
    [yes] , en tot { $after_hangup } nadat u ophangt
   *[no] {""}
}. Het staat niet op een schijf. Een gesprek dat niet gekozen is, wordt dan overschreven; er blijft niets van het geluid over, ook niet in een reservekopie.
notice-memory-record = Een gesprek dat gekozen is, wordt in zijn geheel bewaard, vanaf de eerste seconde. Zolang u in de wacht staat, en zolang betaalgegevens genoemd worden, wordt er niets vastgehouden van { $keep_agent ->
    [yes] u
   *[no] beide kanten
}.

notice-why-heading = Waarom wij een gesprek bewaren, en hoe lang
notice-sample = { $sampled ->
    [no] Er worden geen gesprekken geloot voor coaching.
   *[yes] { $one_in ->
        [one] Elk gesprek wordt bewaard voor coaching ({ $basis_quality }).
       *[other] Een op de { $one_in } gesprekken wordt geloot voor coaching ({ $basis_quality }). Niemand kiest welk gesprek, en een ondernemingsraad kan dat nagaan.
    } { $rule_quality } Uiterlijk: { $ceiling_quality }
}
notice-incident = Een medewerker kan een heel gesprek bewaren waarin een klant over de grens gaat ({ $basis_incident }). { $rule_incident } Uiterlijk: { $ceiling_incident }
notice-request = Als u om een kopie vraagt, wordt het gesprek daarvoor bewaard ({ $basis_request }). { $rule_request }
notice-training = Een gesprek waarvan iets te leren is, kan lesmateriaal worden ({ $basis_training }). Namen en nummers worden er eerst uit gehaald. { $rule_training } Uiterlijk: { $ceiling_training }
notice-other = Voor iets anders wordt niets gebruikt, tenzij twee mensen dat besluiten en opschrijven waarom; u hoort dat dan. Uiterlijk: { $ceiling_other }
notice-hold = Een rechtbank, een claim of de politie kan het wissen tegenhouden. Zo'n wisstop heeft een eigenaar, en wordt binnen { $hold_review_days } opnieuw bekeken.

notice-object-heading = U kunt bezwaar maken
notice-object = { $wired ->
    [yes] Toets { $object_key } tijdens het gesprek: het kan dan niet geloot worden voor coaching.
   *[no] Zeg het de medewerker tijdens het gesprek: het kan dan niet geloot worden voor coaching.
} { $covers ->
    [yes] Het kan dan ook niet voor een incident bewaard worden.
   *[no] Het kan dan wel voor een incident bewaard worden: dat is een ander doel.
} Na het gesprek kunt u ons uw nummer noemen: wat er van u voor coaching en les bewaard is, wordt gewist, en latere gesprekken worden niet geloot, tot u dat intrekt.

notice-rights-heading = Uw andere rechten
notice-rights = U kunt vragen om een kopie van een opname, om verbetering, om wissing, en om beperking van het gebruik. Wij antwoorden binnen { $request_months } na ontvangst; soms hebben wij { $request_extension_months } meer nodig, en dan laten wij u vóór die tijd weten waarom. Vanaf het moment dat wij uw verzoek hebben, wordt waar het over gaat niet meer volgens onze eigen regels gewist.
notice-complaint = U kunt een klacht indienen bij de toezichthouder van uw land: in Nederland de Autoriteit Persoonsgegevens.
notice-who-listens-heading = Wie er luistert
notice-who-listens = Elke keer dat iemand luistert, wordt dat met naam en reden opgeschreven. Steekproef voor coaching: { $access_quality } Incidenten: { $access_incident } Opnames gaan naar niemand anders, behalve naar politie of rechter waar de wet dat zegt. Zij verlaten de Europese Unie niet.
notice-erasure = Als een opname gewist wordt, verdwijnt het bestand; dat wordt nagegaan, en er blijft een wisbewijs. Sporen op de schijf worden later overschreven; wat een schijf van overschreven blokken bewaart, kunnen wij niet beloven.
