-- Standing orders of a centre to its sites, in its database: a home has these two tables too, and none of their rows.
CREATE TABLE orders (
    -- Never used twice: the store has an object of this number too.
    number BIGINT NOT NULL PRIMARY KEY,
    -- deliver: all whose call began before. objects, objects-no-more: a customer and coaching.
    kind TEXT COLLATE "C" NOT NULL,
    -- The request because of which.
    request TEXT COLLATE "C",
    before_at TEXT COLLATE "C",
    -- The keyed hash of the number, and nothing else of it.
    customer TEXT COLLATE "C",
    ordered_at TEXT COLLATE "C" NOT NULL,
    -- Since when it lies in the store: before that no site is told of it.
    given_at TEXT COLLATE "C"
);
CREATE INDEX orders_request ON orders (request) WHERE request IS NOT NULL;

-- What became of an order at a site: it has confirmed it, or it was let go of, by somebody.
CREATE TABLE order_sites (
    number BIGINT NOT NULL REFERENCES orders (number) ON DELETE CASCADE,
    site TEXT COLLATE "C" NOT NULL,
    -- confirmed or let-go.
    state TEXT COLLATE "C" NOT NULL,
    at TEXT COLLATE "C" NOT NULL,
    by_whom TEXT COLLATE "C",
    PRIMARY KEY (number, site)
);

-- In a home: the orders of its centre, as the link has fetched them.
CREATE TABLE standing_orders (
    number BIGINT NOT NULL PRIMARY KEY,
    kind TEXT COLLATE "C" NOT NULL,
    before_at TEXT COLLATE "C",
    customer TEXT COLLATE "C",
    heard_at TEXT COLLATE "C" NOT NULL,
    -- Since when the centre knows that it is done, or waits for it no longer.
    over_at TEXT COLLATE "C"
);
CREATE INDEX standing_orders_open ON standing_orders (number) WHERE over_at IS NULL;

-- In a home: when its link last had all orders, and of which centre: one row.
CREATE TABLE centre_words (
    place BIGINT NOT NULL PRIMARY KEY,
    centre TEXT COLLATE "C" NOT NULL,
    heard_at TEXT COLLATE "C" NOT NULL
);

-- What a site says why it can't confirm an order yet: recordings, and why each stays there.
ALTER TABLE sites ADD COLUMN staying TEXT COLLATE "C" NOT NULL DEFAULT '[]';
-- Which call a delivery is of, and when that began: an order asks whether one of before is still on its way.
ALTER TABLE uploads ADD COLUMN call TEXT COLLATE "C";
ALTER TABLE uploads ADD COLUMN began_at TEXT COLLATE "C";
