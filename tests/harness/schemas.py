"""Does a value fit a schema of an OpenAPI 3.1 document? As far as cqrsd's documents use it."""

TYPES = {"string": str, "object": dict, "array": list, "boolean": bool, "null": type(None)}


def resolve(whole, node):
    """The node itself, where it is a reference to it."""
    while "$ref" in node:
        place = whole
        for step in node["$ref"].removeprefix("#/").split("/"):
            place = place[step]
        node = place
    return node


def is_of_type(value, name):
    if name == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    if name == "number":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, TYPES[name])


def misfits(whole, schema, value, at="$"):
    """A line for each place that does not fit; none: it fits."""
    schema = resolve(whole, schema)
    found = []
    types = schema.get("type", [])
    types = [types] if isinstance(types, str) else types
    if types and not any(is_of_type(value, name) for name in types):
        return [f"{at} is {value!r}, not {types}"]
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{at} is {value!r}, not one of {schema['enum']}")
    if "maxLength" in schema and isinstance(value, str) and len(value) > schema["maxLength"]:
        found.append(f"{at} is longer than {schema['maxLength']}")
    if isinstance(value, dict):
        found += [f"{at}.{name} is missing" for name in schema.get("required", [])
                  if name not in value]
        properties = schema.get("properties", {})
        for name, member in value.items():
            more = properties.get(name, schema.get("additionalProperties", {}))
            if more is False:
                found.append(f"{at}.{name} is not in the document")
            elif isinstance(more, dict):
                found += misfits(whole, more, member, f"{at}.{name}")
    if isinstance(value, list) and "items" in schema:
        for number, item in enumerate(value):
            found += misfits(whole, schema["items"], item, f"{at}[{number}]")
    for part in schema.get("allOf", []):
        found += misfits(whole, part, value, at)
    if "oneOf" in schema:
        fitting = [part for part in schema["oneOf"] if not misfits(whole, part, value, at)]
        found += [] if len(fitting) == 1 else [f"{at} fits {len(fitting)} of oneOf"]
    return found


def misfits_of_answer(whole, call, answer):
    """The same of an answer to a call of the document (tests/harness/client.py)."""
    response = call["responses"].get(str(answer.status), call["responses"]["default"])
    response = resolve(whole, response)
    found = [f"{name} is missing" for name in ("X-Request-Id",)
             if name.lower() not in answer.headers]
    kind = answer.headers.get("content-type", "").partition(";")[0]
    if kind not in response.get("content", {}):
        return [*found, f"{answer.status} is {kind}"]
    return found + misfits(whole, response["content"][kind]["schema"], answer.json)


class Promises:
    """What a document says of the answers of its operations."""

    COMPARED_BYTES_MAX = 1 << 20  # larger ones take too long here

    def __init__(self, whole):
        self.whole = whole

    def broken(self, method, target, answer):
        """A line for each thing about a 200 that the document says otherwise. What docs/openapi.md
        says is not in it: return=minimal, which makes data null; arrays of several dimensions."""
        ways = self.whole["paths"].get(target.partition("?")[0], {})
        call = ways.get("get" if method == "GET" else "post")
        if (answer.status != 200 or method == "HEAD" or not call
                or len(answer.body) > self.COMPARED_BYTES_MAX
                or "content-encoding" in answer.headers
                or "return=minimal" in answer.headers.get("preference-applied", "")):
            return []
        return [f"{method} {target}: {line}"
                for line in misfits_of_answer(self.whole, call, answer)
                if "] is [" not in line]
