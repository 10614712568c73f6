-- A customer's number in its one form (E.164), beside the number as it was given; none where that is no phone number. The rule says how the form
-- was made: the engine makes it again of the number as it was given wherever that was by another rule than its own.
ALTER TABLE recordings ADD COLUMN customer_form TEXT;
ALTER TABLE recordings ADD COLUMN customer_rule TEXT NOT NULL DEFAULT '';

CREATE INDEX recordings_customer ON recordings (customer) WHERE customer IS NOT NULL;
CREATE INDEX recordings_customer_form ON recordings (customer_form) WHERE customer_form IS NOT NULL;
CREATE INDEX recordings_customer_rule ON recordings (customer_rule) WHERE customer IS NOT NULL;
