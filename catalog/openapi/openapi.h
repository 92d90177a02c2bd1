/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The OpenAPI 3.1 document of a catalog: what docs/http.md says of requests and answers, for each
 * operation. The same operations with the same facts make the same bytes.
 */
#pragma once

#include "base/buf.h"
#include "catalog/catalog.h"
#include "catalog/openapi/facts.h"

/* An operation, and what is known of its statement (catalog/openapi/facts.h). */
struct openapi_item {
	const struct operation *operation;
	const struct facts *facts;
};

/* Appends the document of these operations, which are sorted by name. user_header: as in
 * --user-header. */
void openapi_write(struct buf *out, const struct openapi_item *items, unsigned count,
		   const char *user_header);
