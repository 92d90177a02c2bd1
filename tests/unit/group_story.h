/* SPDX-License-Identifier: Apache-2.0 */
/* Three commands that commit together, and what is sent for them. */
#pragma once

#include "pg_stage.h"

/* Of a primary's two conns, the one for commands. */
#define CONN 1
#define BEGIN "[BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE] "
#define END "end [COMMIT] sync position sync"
/* A member: the first one ever, one whose statement is not prepared, one whose statement is. */
#define FIRST(n)                                                                                   \
	"prepare:limits limits prepare:s" n " prepare:savepoint savepoint s" n                     \
	"(7) prepare:look look prepare:reset reset "
#define NEXT(n) "limits prepare:s" n " savepoint s" n "(7) look reset "
#define AGAIN(n) "limits savepoint s" n "(7) look reset "
#define FIRST_END "prepare:end end [COMMIT] sync prepare:position position sync"
/* The same without a savepoint. */
#define BARE_FIRST(n)                                                                              \
	"prepare:limits limits prepare:s" n " s" n "(7) prepare:look look prepare:reset reset "
#define BARE_NEXT(n) "limits prepare:s" n " s" n "(7) look reset "
#define BARE_AGAIN(n) "limits s" n "(7) look reset "
/* Messages of a first group of three, s1, s2, s3, up to what is named. */
enum { UP_TO_LAST_RUN = 1 + 10 + 6 + 6, UP_TO_COMMIT = UP_TO_LAST_RUN + 3 };

extern struct stage_call calls[3];

/* Something is known of it, so that it may join a group; it raised an error lately, so that it has
 * a savepoint there. */
struct statement *known(unsigned number);
/* The same, but it raised none. */
struct statement *calm(unsigned number);
/* A primary with so many conns; group_max: calls that commit together at most. */
void open_groups(unsigned conns, unsigned group_max);
/* A command that may join a group. */
void init_for_group(struct stage_call *call, struct statement *statement);
/* And is submitted. */
void send_to_group(struct stage_call *call, struct statement *statement);
/* s1, s2 and s3 as calls[], in a first group. */
void send_three(void);
void send_three_calm(void);
void end_calls(void);
/* Each was told once that it ended so. */
void end_calls_as(enum call_end end);
/* Each raises an error of its own, and none is told before the group was sent so often again. */
void check_all_fail(void (*send)(void), unsigned trips);
void assert_nobody_was_told(void);
/* Each was told once that it committed. */
void assert_all_went_well(void);
/* times 0: always. Being prepared counts as one. */
void fail_with(const char *text, const char *sqlstate, unsigned times);
