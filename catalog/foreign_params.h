/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parameters as other tools write them (sqlc.arg(x), @x, :x!, :v:x), and as other drivers take
 * them, which paste values into the text (IN :ids, interval :d): PostgreSQL refuses these with a
 * syntax error at a "$1" that the author never wrote.
 */
#pragma once

#include "base/check.h"
#include "catalog/draft.h"

#include <stdbool.h>

/*
 * A token of a statement, before the draft has taken note of it. True: it was complained about,
 * with what to write, and is no parameter.
 */
bool foreign_params_refuse(struct draft *draft, const struct token *token) must_check;
