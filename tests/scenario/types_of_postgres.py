"""What every PostgreSQL type looks like in JSON: tables, and the operations that echo them."""

# type, what goes in, what comes out (the same, unless given)
ECHOES = [
    ("int2", -32768, ...), ("int2", "7", 7),
    ("int4", 2147483647, ...), ("int4", "-1", -1),
    ("int8", 9223372036854775807, ...), ("int8", "-9223372036854775808", -9223372036854775808),
    ("float4", 1.5, ...), ("float8", 0.1, ...), ("float8", 1e300, ...), ("float8", -1.5e-7, ...),
    ("float8", "NaN", ...), ("float8", "Infinity", ...), ("float8", "-Infinity", ...),
    ("numeric", "1.50", ...), ("numeric", "123456789012345678901234567890.123456789", ...),
    ("numeric", 10**30 + 7, str(10**30 + 7)),
    ("numeric", 12, "12"), ("numeric", "NaN", ...), ("numeric", 0.5, "0.5"),
    ("bool", True, ...), ("bool", False, ...), ("bool", "true", True),
    ("text", "", ...), ("text", 'a "quoted" \\ back\tslash\n\r\b\f\x01\x1f\x7f', ...),
    ("text", "täglich 漢字 \U0001f600 \u2028\u2029 </script>", ...),
    ("varchar", "x' OR 1=1 --", ...), ("bpchar", "ab", ...), ("name", "a name", ...),
    ("uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", ...),
    ("date", "2025-02-28", ...), ("date", "infinity", ...),
    ("time", "23:59:59.5", ...), ("time", "04:05", "04:05:00"),
    ("timestamp", "2025-01-02T03:04:05.123456", ...), ("timestamp", "2025-01-02T03:04:05", ...),
    ("timestamptz", "2025-01-02T03:04:05.123456Z", ...),
    ("timestamptz", "2025-01-02T03:04:05+02:00", "2025-01-02T01:04:05Z"),
    ("timestamptz", "infinity", ...),
    ("interval", "P1Y2M3DT4H5M6.5S", ...), ("interval", "1 day", "P1D"), ("interval", "PT0S", ...),
    ("bytea", "AP8QgA==", ...), ("bytea", "", ...), ("bytea", "YQ==", ...),
    ("jsonb", {"a": [1, "x", None, True]}, ...), ("jsonb", [1, 2], ...), ("jsonb", "text", ...),
    ("jsonb", 5, ...), ("json", {"b": {"c": []}}, ...), ("jsonb", False, ...),
    ("inet", "10.0.0.1/24", ...), ("cidr", "10.0.0.0/8", ...),
    ("macaddr", "08:00:2b:01:02:03", ...),
    ("mood", "happy", ...), ("percent", 50, ...),
    ("place", '("Main St",5)', {"street": "Main St", "number": 5}),
    ("int4range", "[1,5)", ...), ("tstzrange", "empty", ...), ("int4multirange", "{[1,3)}", ...),
    ("varbit", "1011", ...), ("tsvector", "'a' 'b'", ...), ("point", "(1,2)", ...),
    ("int4[]", [1, None, 3], ...), ("int4[]", [], ...), ("int4[]", [[1, 2], [3, 4]], ...),
    ("int8[]", ["9007199254740993"], [9007199254740993]),
    ("text[]", ["", "a,b", '"', "\\", "{}", "null", "NULL", None, " x ", "ä"], ...),
    ("text[]", [["a", "b"], ["c", None]], ...),
    ("bool[]", [True, False, None], ...), ("float8[]", [1.5, "NaN"], ...),
    ("numeric[]", ["1.10", "2"], ...), ("uuid[]", ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"], ...),
    ("timestamptz[]", ["2025-01-02T03:04:05Z"], ...), ("date[]", ["2025-02-28"], ...),
    ("jsonb[]", [{"a": 1}, [1], "x"], ...), ("bytea[]", ["AP8=", ""], ...),
    ("mood[]", ["sad", "ok"], ...), ("interval[]", ["P1D"], ...),
]

# type, a value that is none of it: 400 invalid-parameter
NOT_OF_THE_TYPE = [
    ("int4", "abc"), ("int4", 1.5), ("int4", True), ("int4", [1]), ("int4", {"a": 1}),
    ("int4", 2147483648), ("int2", 40000), ("int8", "9223372036854775808"), ("int8", 1e30),
    ("int4", ""), ("int4", " "), ("int4", "1; DROP TABLE orders"),
    ("float8", "much"), ("numeric", "1,5"), ("bool", "perhaps"), ("bool", 7),
    ("uuid", "not-a-uuid"), ("date", "2025-02-30"), ("timestamptz", "yesterday-ish"),
    ("timestamp", 5), ("time", "25:00"), ("interval", "long"), ("bytea", "*not base64*"),
    ("inet", "300.0.0.1"), ("mood", "angry"), ("int4range", "[5,1)"),
    ("int4[]", ["x"]), ("int4[]", [[1], [2, 3]]), ("int4[]", {"a": 1}), ("bool[]", ["perhaps"]),
    ("text", {"a": 1}), ("text", [1]),
]

# SQL that only comes out, and the bytes of its value
LITERALS = [
    ("""'{"b": 1,  "a":1.00, "b":2}'::json""", '{"b": 1,  "a":1.00, "b":2}'),
    ("""'{"b": 1,  "a":1.00}'::jsonb""", '{"a": 1.00, "b": 1}'),
    ("NULL::int", "null"), ("NULL::text[]", "null"), ("NULL::jsonb", "null"),
    ("'[2:3]={7,8}'::int[]", "[7,8]"), ("ARRAY[]::text[]", "[]"),
    ("'\\x00ff'::bytea", '"AP8="'), ("1e15::float8", "1e+15"), ("0.1::float4", "0.1"),
    ("'-0'::float8", "-0"), ("100::int8", "100"), ("1.0::numeric(6,3)", '"1.000"'),
    ("timestamptz '2025-06-01 12:00+02'", '"2025-06-01T10:00:00Z"'),
    ("timestamp '2025-06-01 12:00:00.5'", '"2025-06-01T12:00:00.5"'),
    ("date '2025-06-01'", '"2025-06-01"'), ("interval '-1 day +2 hours'", '"P-1DT2H"'),
    ("true", "true"), ("ARRAY[true, NULL]", "[true,null]"),
    ("ROW(1, 'a b')::text", '"(1,\\"a b\\")"'), ("'x'::\"char\"", '"x"'),
    ("ARRAY['{\"a\": 1}'::jsonb]", '[{"a": 1}]'), ("'12.34'::money", '"$12.34"'),
]


def echo_of(type_name):
    """The operation that echoes a type."""
    plain = type_name.replace("[]", "_array")
    return f"echo.{plain}"


def catalog():
    """The .sql text of every echo and literal."""
    parts = []
    types = sorted({row[0] for row in ECHOES} | {row[0] for row in NOT_OF_THE_TYPE})
    for name in types:
        parts.append(f"-- query: {echo_of(name)} :one\n-- @param v {name}?\nSELECT :v AS v;\n")
    for number, (sql, _) in enumerate(LITERALS):
        parts.append(f"-- query: literal.n{number} :one\nSELECT {sql} AS v;\n")
    return "\n".join(parts)
