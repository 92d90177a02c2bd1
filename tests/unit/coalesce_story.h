/* SPDX-License-Identifier: Apache-2.0 */
/* Queries that ask the same and wait for a conn that is busy: what the stories of them share. */
#pragma once

#include "pg_stage.h"

#define COALESCE_CALLS 4

extern struct stage_call calls[COALESCE_CALLS];
extern struct stage_call first; /* is out, so that the others wait */

/* A query of statement 1 that may be answered with another one. */
void init(struct stage_call *call, const char *value);
void submit(struct stage_call *call);
/* Both. */
void ask(struct stage_call *call, const char *value);
/* One conn, which is busy; statement 1 answers with one row. */
void begin(void);
/* And three that ask the same wait. */
void begin_with_three(void);
/* What waited is sent; the words of it. */
const char *first_is_over(void);
/* It was answered once, with the row. */
void assert_told(struct stage_call *call);
void end(unsigned count);
