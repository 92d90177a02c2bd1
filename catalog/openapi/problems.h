/* SPDX-License-Identifier: Apache-2.0 */
/* Which problems an operation may answer with (base/outcome.def), as responses of OpenAPI. */
#pragma once

#include "catalog/catalog.h"
#include "catalog/openapi/writer.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * The members "400", "401", … and "default" of an open object of responses: references to what
 * problems_write_responses writes. by_body: the operation's parameters are in a body.
 */
void problems_write(struct writer *writer, const struct operation *operation, bool by_body);

/* Of one status, the codes that it may come with, a bit for each outcome. */
struct problem_response {
	unsigned status; /* its row */
	uint64_t codes;
};

#define PROBLEM_RESPONSES_MAX 512

/* All that operations refer to, each once. */
struct problem_responses {
	struct problem_response items[PROBLEM_RESPONSES_MAX]; /* [count], sorted */
	unsigned count;
};

void problems_collect(struct problem_responses *responses, const struct operation *operation,
		      bool by_body);
/* Into the open object "responses" of the components. */
void problems_write_responses(struct writer *writer, const struct problem_responses *responses);
