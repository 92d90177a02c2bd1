/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the primary knows of operations' statements, for a document: types of parameters and
 * columns, by PREPARE, and the facts of catalog/openapi/facts.h, by statements after which nothing
 * stays. They take TEMP on the database; without it nothing is proved. Blocks: never on a loop
 * that serves.
 */
#pragma once

#include "base/check.h"
#include "catalog/catalog.h"
#include "cmd/ask.h"
#include "cmd/check_findings.h"
#include "cmd/check_node.h"

#include <stdbool.h>

struct openapi_asker {
	struct check_node node; /* describes; reads only */
	struct asker asker;     /* asks for facts */
	struct statement given, block, asked;
};

/* False: it is among the findings, and nothing is to be closed. */
bool openapi_asker_open(struct openapi_asker *asker, const char *conninfo,
			struct findings *findings) must_check;
void openapi_asker_close(struct openapi_asker *asker);
/* The JSON text, in the asker's arena. NULL: why is among the findings. */
const char *openapi_asker_ask(struct openapi_asker *asker, const struct operation *operation,
			      struct findings *findings) must_check;
