# Woorden die alle pagina's delen. Die van de desk staan in een eigen tabel, en betekenen niets anders.

role-agent = medewerker
role-reviewer = beoordelaar
role-case-handler = dossierbehandelaar
role-privacy-officer = functionaris gegevensbescherming
role-administrator = beheerder
role-council = ondernemingsraad

purpose-quality = Steekproef voor coaching
purpose-training = Lesmateriaal
purpose-incident = Incident
purpose-request = Klant wil een kopie
purpose-other = Een ander doel

month-1 = jan
month-2 = feb
month-3 = mrt
month-4 = apr
month-5 = mei
month-6 = jun
month-7 = jul
month-8 = aug
month-9 = sep
month-10 = okt
month-11 = nov
month-12 = dec

weekday-1 = ma
weekday-2 = di
weekday-3 = wo
weekday-4 = do
weekday-5 = vr
weekday-6 = za
weekday-7 = zo
