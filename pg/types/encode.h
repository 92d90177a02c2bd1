/* SPDX-License-Identifier: Apache-2.0 */
/* Result rows to JSON objects, straight from libpq's cells. One result at a time. */
#pragma once

#include "base/buf.h"
#include "base/check.h"
#include "base/statement.h"

#include <libpq-fe.h>

struct encode_column {
	size_t key_end; /* in keys, where the key of the next column begins */
	struct pg_type type;
	bool never_null; /* encoder_check_null */
};

/* The keys are escaped once for all rows of a result. */
struct encoder {
	struct buf keys; /* {"a": ,"b": … one after the other */
	struct encode_column *columns;
	unsigned count, room;
};

void encoder_init(struct encoder *encoder);
void encoder_fini(struct encoder *encoder);
/* Before the first row of a result. shape: of the statement, for types that are not built in. */
void encoder_begin(struct encoder *encoder, const PGresult *result, const struct shape *shape);
/* Behind it: in which columns of the result the statement allows no NULL. */
void encoder_check_null(struct encoder *encoder, const PGresult *result,
			const struct statement *statement);
/* Appends the row as a JSON object. False: a composite does not fit the shape, which is out of date
 * (type_to_json), or encoder_null_of has a column. */
bool encoder_row(const struct encoder *encoder, const PGresult *result, int row,
		 struct buf *out) must_check;
/* The first column that is NULL in this row and must not be; NULL: there is none. */
const char *encoder_null_of(const struct encoder *encoder, const PGresult *result,
			    int row) must_check;
