-- The day that the Date field names, told by its first second: SENTON disregards time and zone.
-- Of messages that are there already the zone is not known any more: their day is that in UTC.

ALTER TABLE prepared ADD COLUMN sent_day INTEGER;

UPDATE prepared SET sent_day = sent_at - (sent_at % 86400 + 86400) % 86400;
