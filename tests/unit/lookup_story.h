/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of a @lookup that wait for a conn that is busy: what the stories of them share. */
#pragma once

#include "pg_stage.h"

#define LOOKUP_CALLS 4

#define ONCE 2 /* it is prepared, too */
#define TOGETHER "s1({\"3\",\"5\",\"7\"})"
#define FIVE "s1({\"5\"})"
#define THREE "s1({\"3\"})"
#define SEVEN "s1({\"7\"})"

extern struct stage_call calls[LOOKUP_CALLS];
extern struct stage_call first; /* is out, so that the others wait */

/* Statement 1: a @lookup by "x", whose column is the key, all integers. */
struct statement *lookup_statement(void);
/* A call of it. */
void init(struct stage_call *call, const char *key);
void submit(struct stage_call *call);
/* Both. */
void ask(struct stage_call *call, const char *key);
/* One conn, which is busy. */
void begin(void);
/* And three calls wait, in the order 5, 3, 7. */
void begin_with_three(void);
/* How the next executions are answered, each row a cell: "3,5". times 0: all of them. */
void answer_with(unsigned times, unsigned rows, const char *cells);
/* What waited is sent; the words of it. */
const char *first_is_over(void);
/* What waited was sent together, and is answered like this when the server answers. */
void begin_out(unsigned rows, const char *cells);
/* It was told once, with those rows. */
void assert_rows(struct stage_call *call, const char *rows);
/* It was told once, with that end. */
void assert_end(struct stage_call *call, enum call_end end);
void assert_untold(unsigned count);
void end(unsigned count);
