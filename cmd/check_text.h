/* SPDX-License-Identifier: Apache-2.0 */
/* Texts of the check verb: what is sent, and what is made of the answers. Pure functions. */
#pragma once

#include "base/arena.h"
#include "base/check.h"
#include "base/text.h"
#include "catalog/catalog.h"

#include <stdbool.h>
#include <stdint.h>

/* What PostgreSQL said, with the author's :name for each $1; in the arena. */
const char *check_message(struct arena *arena, const struct operation *operation,
			  const char *message) must_check;
/* Can the statement be planned by EXPLAIN? By its first word. */
bool check_is_planned(const char *text) must_check;
/* May a query be a statement with this first word? word: for the complaint. */
bool check_may_be_query(const char *text, struct text *word) must_check;
/*
 * EXPLAIN of the prepared statement, in the arena. starts[i]: the character (from 1) where the
 * value of parameter i begins.
 */
char *check_explain(struct arena *arena, const struct operation *operation, uint32_t statement_id,
		    unsigned *starts) must_check;
/* The parameter whose value holds that character of the text of check_explain; count: none. */
unsigned check_explain_param(const unsigned *starts, unsigned count,
			     unsigned char_position) must_check;
/* What a query may not do and this plan (EXPLAIN's JSON) would; NULL: nothing. */
const char *check_plan_forbids(struct text plan) must_check;
