"""Catalogs that are wrong for certain, and catalogs that are mauled at random."""

import random

GOOD = """-- query: fine :one
-- @param id bigint   The one to fetch
SELECT id, name FROM customers WHERE id = :id;
"""

# Each is wrong by itself and stays wrong whatever stands around it.
WRONG = [
    "-- query: a :won\nSELECT 1;", "-- query: a\nSELECT 1;", "-- query: :one\nSELECT 1;",
    "-- query:\nSELECT 1;", "-- qeury: a :one\nSELECT 1;", "-- query: A :one\nSELECT 1;",
    "-- query: 1a :one\nSELECT 1;", "-- query: a-b :one\nSELECT 1;", "-- query: a. :one\nSELECT 1;",
    "-- query: .a :one\nSELECT 1;", "-- query: a..b :one\nSELECT 1;",
    "-- query: a b :one\nSELECT 1;",
    "-- query: a :one :many\nSELECT 1;", "-- command: a :all\nSELECT 1;",
    "-- query: " + "a" * 5000 + " :one\nSELECT 1;",
    "-- query: a :one\n", "-- query: a :one\n;", "-- query: a :one\n-- only words\n;",
    "-- query: a :one\nSELECT 1; SELECT 2;", "-- query: a :one\nSELECT 1;;SELECT 2;",
    "-- query: a :one\nSELECT 'open;", "-- query: a :one\nSELECT \"open;",
    "-- query: a :one\nSELECT $$open;", "-- query: a :one\nSELECT $x$open$y$;",
    "-- query: a :one\nSELECT /* open;", "-- query: a :one\nSELECT /* /* */ open;",
    "-- query: a :one\nSELECT E'open\\';", "-- query: a :one\nSELECT (ARRAY[1])[1:n];",
    "-- query: a :one\n-- @param\nSELECT 1;", "-- query: a :one\n-- @param x\nSELECT :y;",
    "-- query: a :one\n-- @param x int\nSELECT 1;", "-- query: a :one\n-- @param X int\nSELECT :x;",
    "-- query: a :one\n-- @param x int\n-- @param x int\nSELECT :x;",
    "-- query: a :one\n-- @param x int\nSELECT :x, :y;",
    "-- query: a :one\n-- @param x int =\nSELECT :x;",
    "-- query: a :one\n-- @param request_user text\nSELECT :request_user;",
    "-- query: a :one\n-- @param 9 int\nSELECT 1;",
    "-- query: a :one\n-- @timeout soon\nSELECT 1;", "-- query: a :one\n-- @timeout\nSELECT 1;",
    "-- query: a :one\n-- @timeout -2s\nSELECT 1;",
    "-- query: a :one\n-- @timeout 2parsecs\nSELECT 1;",
    "-- query: a :one\n-- @timeout 99999999999999999999s\nSELECT 1;",
    "-- query: a :one\n-- @timout 2s\nSELECT 1;", "-- query: a :one\n-- @\nSELECT 1;",
    "-- query: a :one\n-- @nonsense\nSELECT 1;",
    "-- query: a :one\n-- @consistency often\nSELECT 1;",
    "-- query: a :one\n-- @consistency\nSELECT 1;",
    "-- command: a :one\n-- @consistency session\nSELECT 1;",
    "-- command: a :one\n-- @max-staleness 5s\nSELECT 1;",
    "-- command: a :one\n-- @max-rows 5\nSELECT 1;",
    "-- command: a :one\n-- @on-lag stale\nSELECT 1;",
    "-- command: a :one\n-- @cache 30s\nSELECT 1;",
    "-- query: a :one\n-- @isolation serializable\nSELECT 1;",
    "-- query: a :one\n-- @idempotency required\nSELECT 1;",
    "-- query: a :one\n-- @async always\nSELECT 1;",
    "-- query: a :one\n-- @invalidates x\nSELECT 1;",
    "-- query: a :one\n-- @on-lag never\nSELECT 1;", "-- query: a :one\n-- @priority 8\nSELECT 1;",
    "-- query: a :one\n-- @priority -1\nSELECT 1;",
    "-- query: a :one\n-- @priority high\nSELECT 1;",
    "-- query: a :one\n-- @max-rows many\nSELECT 1;",
    "-- query: a :one\n-- @notnull a,\nSELECT 1;",
    "-- query: a :one\n-- @notnull\nSELECT 1;",
    "-- query: a :one\n-- @example [1]\nSELECT 1;",
    "-- query: a :one\n-- @example {\"x\": 1\nSELECT 1;",
    "-- query: a :one\n-- @example {\"x\": 1}\nSELECT 1;",
    "-- query: a :one\n-- @max-rows -5\nSELECT 1;",
    "-- query: a :one\n-- @max-staleness\nSELECT 1;",
    "-- command: a :one\n-- @isolation chaos\nSELECT 1;",
    "-- command: a :one\n-- @idempotency maybe\nSELECT 1;",
    "-- command: a :one\n-- @async perhaps\nSELECT 1;",
    "-- query: a :one\n-- @timeout 1s\n-- @timeout 2s\nSELECT 1;",
    "-- query: fine :one\nSELECT 1;", "-- command: fine :one\nSELECT 1;",
    "SELECT 1;\n-- query: a :one\nSELECT 1;", "SELECT 1;", "nonsense",
]


def wrong(count, seed):
    """(name of the file, its bytes) that no reader may accept; GOOD stands in another file."""
    dice = random.Random(seed)
    for number in range(count):
        text = WRONG[number % len(WRONG)]
        around = dice.choice(["", "\n\n", "\r\n", "\n-- a word\n"]) if number >= len(WRONG) else ""
        if number % 3 == 1:
            text = text.replace("\n", "\r\n")
        if number % 5 == 4:
            text = GOOD.replace("fine", "before") + "\n" + text
        yield f"wrong{number}.sql", (around + text).encode()


def mauled(count, seed, sources):
    """Good catalogs with random damage: most are wrong now, none may crash a reader."""
    dice = random.Random(seed)
    for number in range(count):
        text = bytearray(dice.choice(sources))
        for _ in range(dice.randint(1, 8)):
            place = dice.randrange(len(text))
            change = dice.randrange(5)
            if change == 0:
                del text[place:place + dice.randint(1, 80)]
            elif change == 1:
                text[place:place] = bytes(dice.randrange(256) for _ in range(dice.randint(1, 9)))
            elif change == 2:
                text[place] = dice.choice(b":@-'\"$/*;\x00\xff\n=[]{}?")
            elif change == 3:
                text = text[:place] + text[place // 2:]
            else:
                piece = bytes(text[place:place + dice.randint(1, 40)])
                text[place:place] = piece * dice.randint(1, 50)
            if not text:
                text = bytearray(b"-")
        yield f"mauled{number}.sql", bytes(text)
