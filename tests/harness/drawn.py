"""Values drawn from the schemas of an OpenAPI document: those a caller may send, and edges."""

from .schemas import resolve

TEXTS = ["", "a", "FILM 1", "Country 1", "fateful yarn", "%", "ä漢\U0001f600", "x' --"]
OF_FORMAT = {
    "int16": [1, 2, 0, -1, 32767], "int32": [1, 2, 0, 7, 20, 2001, 100000, 2**31 - 1],
    "int64": [1, 0, 2**53 + 1, "7"], "double": [0.5, -1], "float": [0.5], "decimal": ["1.50", 0],
    "date": ["2005-06-20", "infinity"], "date-time": ["2005-06-20T12:00:00Z", "infinity"],
    "date-time-local": ["2009-06-20T12:00:00"], "time": ["04:05:06+00"],
    "time-local": ["04:05:06"], "duration": ["P1D"], "uint32": [1],
    "uuid": ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"],
}


def values(whole, schema):
    """What a parameter of this schema may be, NULL where that is said, the least likely last."""
    schema = resolve(whole, schema)
    types = schema.get("type", ["object", "string", "null"])
    types = [types] if isinstance(types, str) else types
    drawn = [value for value in schema.get("enum", []) if value is not None]
    if not drawn and schema.get("format") in OF_FORMAT:
        drawn = [value for value in OF_FORMAT[schema["format"]]
                 if schema.get("minimum", value) <= value <= schema.get("maximum", value)]
    elif not drawn and "array" in types:
        drawn = [[], values(whole, schema["items"])[:2], [None]]
    elif not drawn and "boolean" in types:
        drawn = [True, False]
    elif not drawn and "object" in types:
        drawn = [{}]
    elif not drawn:
        drawn = [text[:schema.get("maxLength", len(text))] for text in TEXTS]
    return drawn + ([None] if "null" in types else [])


def bodies(whole, name):
    """Parameters for calls of an operation: each value of each at least once, absent ones too."""
    schema = whole["components"]["schemas"][f"{name}.parameters"]
    required = schema.get("required", [])
    choices = {param: values(whole, of) for param, of in schema["properties"].items()}
    count = max([len(drawn) for drawn in choices.values()], default=1)
    yield {param: drawn[0] for param, drawn in choices.items() if param in required}
    for turn in range(count * min(len(choices), 3)):
        yield {param: drawn[(turn * (at + 1) + turn // count) % len(drawn)]
               for at, (param, drawn) in enumerate(choices.items())}
