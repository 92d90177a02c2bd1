/* SPDX-License-Identifier: Apache-2.0 */
/* Documents of replies: one switch on the cardinality for each moment of a document's life. */
#include "catalog/document.h"

#include <assert.h>

#define DOCUMENT_HEAD "{\"data\":"

void document_begin(const struct operation *operation, struct buf *out)
{
	buf_clear(out);
	buf_literal(out, DOCUMENT_HEAD);
	if (operation->rows == ROWS_MANY)
		buf_byte(out, '[');
}

enum document document_end(const struct operation *operation, struct buf *out, uint64_t rows,
			   int64_t affected)
{
	switch (operation->rows) {
	case ROWS_MANY:
		buf_byte(out, ']');
		return DOCUMENT_WHOLE;
	case ROWS_ONE:
		if (rows == 0)
			return DOCUMENT_NO_ROW;
		return rows == 1 ? DOCUMENT_WHOLE : DOCUMENT_MANY_ROWS;
	case ROWS_MAYBE:
		if (rows == 0)
			buf_literal(out, "null");
		return rows <= 1 ? DOCUMENT_WHOLE : DOCUMENT_MANY_ROWS;
	case ROWS_EXEC:
		out->len = sizeof(DOCUMENT_HEAD) - 1;
		buf_literal(out, "null");
		if (affected >= 0)
			buf_printf(out, ",\"rows_affected\":%lld", (long long)affected);
		return DOCUMENT_WHOLE;
	}
	assert(!"a cardinality");
	return DOCUMENT_WHOLE;
}

uint64_t document_rows_max(const struct operation *operation)
{
	switch (operation->rows) {
	case ROWS_ONE:
	case ROWS_MAYBE:
		return 1;
	case ROWS_MANY:
	case ROWS_EXEC:
		return operation->rows_max;
	}
	assert(!"a cardinality");
	return 0;
}
