/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "@lookup by PARAM": a caller gives one PARAM, the statement takes an array of it as :PARAM, or,
 * where its text has no :PARAM, as :PARAMs, and returns it as a column (pg/wire/lookup.h).
 */
#pragma once

#include "base/check.h"
#include "base/text.h"
#include "catalog/draft.h"

struct operation_option;

/* What follows "@lookup". */
void lookup_read(struct draft *draft, const struct operation_option *row, struct cut value);
/* The parameter that the placeholder of that name means: PARAM for :PARAMs, else the name. */
struct text lookup_parameter(struct draft *draft, const struct token *token,
			     struct text name) must_check;
/* The statement has been read whole, with all of its parameters. */
void lookup_finish(struct draft *draft);
/* The declared type of a parameter as it is sent; NULL: none. Behind lookup_finish. */
const char *lookup_type(struct draft *draft, unsigned param) must_check;
