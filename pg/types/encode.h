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
/* Appends the row as a JSON object. False: a composite does not fit the shape, which is out of date
 * (type_to_json). */
bool encoder_row(const struct encoder *encoder, const PGresult *result, int row,
		 struct buf *out) must_check;
