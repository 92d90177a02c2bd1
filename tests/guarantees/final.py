# SPDX-License-Identifier: Apache-2.0
"""What is stored when all is over and healed: every effect, and every register and counter."""

import json

from harness.client import Client, encode_query
from harness.until import until

PAGE = 1000
LOG = "SELECT json_build_array(key, version, value, attempt) FROM log ORDER BY id"
SHOWN = "SELECT json_build_array(key, version, to_json(tail)) FROM shown"


def of_node(node):
    """From the database itself; node: the primary (harness.node.Node) that everybody follows."""
    def rows(statement):
        return [json.loads(line) for line in node.sql(statement).splitlines()]
    return {"log": rows(LOG),
            "registers": {key: [version, tail] for key, version, tail in rows(SHOWN)}}


def of_service(addresses):
    """Through cqrsd, for those who have nothing but its addresses."""
    def ask(target):
        def once():
            for address in addresses:
                client = Client(address() if callable(address) else address)
                try:
                    answer = client.get(f"/v1/queries/{target}", {"Consistency": "strong"})
                except OSError:
                    continue
                if answer.status == 200:
                    return answer
            return None
        return until(once, f"an answer to {target}", 60).data

    log, after = [], 0
    while True:
        page = ask("log?" + encode_query({"after": after}))
        log += [[row["key"], row["version"], row["value"], row["attempt"]] for row in page]
        if len(page) < PAGE:
            break
        after = page[-1]["id"]
    shown = ask("shown")
    return {"log": log, "registers": {row["key"]: [row["version"], row["tail"]] for row in shown}}
