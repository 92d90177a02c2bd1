/* SPDX-License-Identifier: Apache-2.0 */
/* The statement of an operation, token by token, and its text as it is sent. */
#pragma once

#include "catalog/draft.h"
#include "catalog/lexer.h"

/* A token of the statement; no comment, no semicolon. */
void statement_token(struct draft *draft, const struct token *token);
/* The text with $1, $2, …, its parameters and their places. */
void statement_finish(struct draft *draft);
