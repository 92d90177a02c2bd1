/* SPDX-License-Identifier: Apache-2.0 */
/* A result of the fake libpq, as its two files see it. */
#pragma once

#include "fake_libpq.h"

#include <libpq-fe.h>

struct pg_result {
	ExecStatusType status;
	struct fake_answer answer;
	unsigned rows, columns;
	bool is_own, own[5]; /* own: columns of our own statements that are not null */
	char cells[5][32];
	int lengths[5];
	char *long_cell;
};
