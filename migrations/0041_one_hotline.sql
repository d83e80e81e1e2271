-- migrate:up

-- The city's hotline has one number.
UPDATE hotline SET number = '19001075' WHERE number = '18001075';

-- migrate:down
UPDATE hotline SET number = '18001075' WHERE number = '19001075';
