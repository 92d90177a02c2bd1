/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The JSON document of a reply by the cardinality that an operation declares: {"data":[…]},
 * {"data":{…}} or {"data":null,"rows_affected":3}. Begun before the call, its rows (JSON objects,
 * comma separated) are appended in between, and ended after it, but for the last brace.
 */
#pragma once

#include "base/buf.h"
#include "base/check.h"
#include "catalog/catalog.h"

#include <stdint.h>

enum document {
	DOCUMENT_WHOLE,
	DOCUMENT_NO_ROW,    /* :one promised a row */
	DOCUMENT_MANY_ROWS, /* :one or :maybe promised no more than one */
};

/* Forgets what out holds. */
void document_begin(const struct operation *operation, struct buf *out);
/* rows: that arrived; affected: -1 when PostgreSQL named no number. */
enum document document_end(const struct operation *operation, struct buf *out, uint64_t rows,
			   int64_t affected) must_check;
/* How many rows are worth taking: one more than this is too many; 0: any number. */
uint64_t document_rows_max(const struct operation *operation);
