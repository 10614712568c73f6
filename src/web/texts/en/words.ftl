# Words that all pages share. Those of the desk stand in a table of their own, and are used for these things alone.

role-agent = agent
role-reviewer = reviewer
role-case-handler = case handler
role-privacy-officer = privacy officer
role-administrator = administrator
role-council = works council

purpose-quality = Coaching sample
purpose-training = Teaching material
purpose-incident = Incident
purpose-request = Customer wants a copy
purpose-other = Another purpose

month-1 = Jan
month-2 = Feb
month-3 = Mar
month-4 = Apr
month-5 = May
month-6 = Jun
month-7 = Jul
month-8 = Aug
month-9 = Sep
month-10 = Oct
month-11 = Nov
month-12 = Dec

weekday-1 = Mon
weekday-2 = Tue
weekday-3 = Wed
weekday-4 = Thu
weekday-5 = Fri
weekday-6 = Sat
weekday-7 = Sun
