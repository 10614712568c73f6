# Wat elke pagina heeft, het inloggen, en wat er staat als iets niet gedaan wordt.

ways = Pagina's
way-next = Volgend gesprek
way-mine = Mijn gesprekken
way-cases = Dossiers
way-decisions = Beslissingen
way-teaching = Lesmateriaal
way-check = Controle
skip-to-content = Naar de inhoud
list-ways = Meer van deze lijst
list-first = Van het begin af
list-next = Verder
to-start = Naar het begin
log-in = Inloggen
log-out = Uitloggen
log-in-hint = Nog geen account, of wachtwoord vergeten? De beheerder maakt accounts en stelt wachtwoorden in.
log-in-wrong = De naam of het wachtwoord klopt niet. Probeer het nog eens.
user-name = Naam
password = Wachtwoord

own-password = Uw wachtwoord
own-password-rule = Het heeft { $chars } tekens of meer. Een paar woorden die niemand bij elkaar zou zetten, zijn makkelijk te onthouden.
password-now = Uw wachtwoord van nu
password-new = Het nieuwe
password-again = Het nieuwe nog een keer
password-change = Wachtwoord wijzigen
password-differs = Het nieuwe wachtwoord is niet twee keer hetzelfde getypt. Probeer het nog eens.
password-wrong = Uw wachtwoord van nu is een ander. Probeer het nog eens.

refused-log-in = Log eerst in
refused-log-in-why = U bent niet ingelogd, of u bent uitgelogd: na een tijd zonder klik, aan het eind van de dag, of omdat uw wachtwoord of uw rol gewijzigd is.
refused-not-for-you = Deze pagina is niet voor u
refused-not-for-you-why = Ze is voor wie dit is: { $roles }. De beheerder geeft rollen.
refused-no-such-page = Hier is niets
refused-no-such-page-why = Het adres klopt niet, of wat hier was is gewist, of het is niet voor u.
refused-old-page = Deze pagina stond te lang open
refused-old-page-why = Er is niets gedaan. Ga terug, laad de pagina opnieuw en doe het nog een keer.
refused-incomplete = Er ontbreekt iets
refused-incomplete-why = Er is niets gedaan. Ga terug en kies wat er ontbreekt.
refused-too-long = Een tekst is te lang
refused-too-long-why = Er is niets gedaan. Ga terug en maak de tekst niet langer dan { $chars } tekens.
refused-too-many = Te veel pogingen
refused-too-many-why = Probeer het over { $seconds ->
    [one] een seconde
   *[other] { $seconds } seconden
} nog eens. Bent u uw wachtwoord vergeten, dan stelt de beheerder een nieuw in.
refused-not-listening = Zeg eerst dat u luistert
refused-not-listening-why = Elke keer dat iemand luistert wordt genoteerd. Ga terug naar de opname en druk op de knop.
refused-not-done = Dat kan nu niet
refused-too-late = De opname wordt gewist
refused-too-late-why = De bewaartijd is om, of tot wissen is besloten: niets houdt dat nog tegen.
refused-catalog = De gegevens zijn niet te bereiken
refused-unreadable = De opname is niet te lezen
refused-unreadable-why = Meld het de beheerder: `retrocall check` zegt wat er met het bestand is.
refused-busy = Het is te druk
refused-busy-why = Probeer het zo nog eens.
refused-no-engine = De opname draait niet
refused-no-engine-why = Er is niets gedaan. Meld het de beheerder: `retrocall run` start haar, en haar logboek zegt waarom ze stopte.
