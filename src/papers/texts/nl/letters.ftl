# Brieven die een verzoek beantwoorden.

letter-subject-copy = Uw verzoek om een kopie: { $reference }
letter-subject-nothing-held = Uw verzoek: { $reference }
letter-subject-refused = Uw verzoek: { $reference }
letter-subject-erased = Uw verzoek om wissing: { $reference }
letter-opening = Geachte heer, mevrouw,
letter-received = Wij ontvingen uw verzoek op { $received }.
letter-copy = Bij deze brief ontvangt u een kopie van { $count ->
    [one] de opname
   *[other] de { $count } opnames
} die wij van u hebben:
letter-nothing-held = Wij hebben naar opnames van u gezocht, en hebben er geen. Gesprekken die niet gekozen zijn, laten bij ons geen geluid achter; er is dus niets te geven.
letter-refused = Wij kunnen uw verzoek niet inwilligen. De grond: { $ground }
letter-erased = Wij hebben uw verzoek ingewilligd. { $count ->
    [0] Er kon nog niets gewist worden.
    [one] Deze opname is gewist:
   *[other] Deze { $count } opnames zijn gewist:
}
letter-line = gesprek van { $start }{ $has_length ->
    [yes] , { $length }
   *[no] {""}
}{ $kept_for ->
    [none] {""}
   *[other] ; bewaard voor: { $kept_for }
}
letter-how-long = Hoe lang wij het bewaren: { $rule_quality } { $rule_incident } { $rule_request }
letter-copies = De geluidsbestanden liggen bij deze brief. Daarin staat wat er aan beide kanten gezegd is; stukken die stil zijn, werden nooit vastgehouden.
letter-deferred = { $count ->
    [one] Ook deze opname wordt gewist, zodra geëindigd is wat dat tegenhoudt:
   *[other] Ook deze { $count } opnames worden gewist, zodra geëindigd is wat dat tegenhoudt:
}
letter-not-erased = Deze kunnen wij niet wissen. De grond: { $ground }
letter-recipients = Deze hebben een kopie: { $recipients }.
letter-recipients-told = Deze hadden een kopie, en horen van de wissing: { $recipients }.
letter-unnumbered = { $count ->
    [one] Eén opname werd na een storing teruggevonden zonder nummer, en kan van iedereen zijn. Als u het tijdstip van uw gesprek weet, kunnen wij ook daar zoeken:
   *[other] { $count } opnames werden na een storing teruggevonden zonder nummer, en kunnen van iedereen zijn. Als u het tijdstip van uw gesprek weet, kunnen wij ook daar zoeken:
}
letter-extension = Het antwoord duurde langer: { $reason }
letter-promise = Gewist betekent: de opname is meteen onbereikbaar, het bestand verdwijnt bij het volgende opruimen, wat wordt nagegaan, en de sporen worden daarna overschreven. Wat een schijf van overschreven blokken bewaart, en kopieën die anderen hebben, kunnen wij niet beloven.
letter-rights = U kunt vragen om verbetering, wissing, of beperking van het gebruik, en bezwaar maken. U kunt een klacht indienen bij de toezichthouder van uw land, en naar de rechter gaan.
letter-term = Dit antwoord moest er uiterlijk op { $due } zijn.
letter-closing = Met vriendelijke groet,
letter-sender = { $controller }
letter-contact = { $contact }
