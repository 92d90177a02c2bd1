/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A type of PostgreSQL as a JSON Schema (2020-12, as OpenAPI 3.1 has it): what docs/http.md says
 * of its JSON. In a reply it is as cqrsd writes it, in a request as it is read.
 */
#pragma once

#include "base/check.h"
#include "base/text.h"
#include "catalog/openapi/facts.h"
#include "catalog/openapi/writer.h"

#include <stdbool.h>
#include <stdint.h>

enum schema_side { SCHEMA_IN, SCHEMA_OUT };

struct schema_of {
	int64_t oid;
	enum schema_side side;
	bool nullable;
	bool int8_as_text;         /* of a reply: bigint is a string there */
	const char *description;   /* NULL or "": none */
	struct text default_value; /* as text; ptr NULL: none */
};

/* The members of a schema, into an object that is open. */
void schema_write(struct writer *writer, const struct facts *facts, const struct schema_of *of);
/* Is its text in a query string JSON: of a value that is no scalar and no array? */
bool schema_is_json_text(const struct facts *facts, int64_t oid) must_check;
