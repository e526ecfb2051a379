-- When a message is to be delivered by, where its sender said so (DELIVERBY); "gives_up": or never.

ALTER TABLE queue_message ADD COLUMN deadline INTEGER;
ALTER TABLE queue_message ADD COLUMN gives_up INTEGER NOT NULL DEFAULT 0;
