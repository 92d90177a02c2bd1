/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a request must see: router/consistency/required.h, for a task and by what its router knows
 * now. On the loop's thread.
 */
#pragma once

#include "base/check.h"
#include "base/position.h"
#include "base/request.h"
#include "router/consistency/token.h"

#include <stdbool.h>
#include <stdint.h>

struct task;

/* --sessions and --strong, in the order of their words. */
enum sessions_option { SESSIONS_LOCAL, SESSIONS_CLUSTER };
enum strong_option { STRONG_PRIMARY, STRONG_REPLICAS };

/* Sets task->needs.required and level, task->judged and the lsns beside it; STEP_DONE: the request
 * is refused. */
enum step requirement_judge(struct task *task) must_check;
/* Is that judgement of the timeline, and of the last life of its log, that the router knows now? */
bool requirement_holds(const struct task *task) must_check;
/* requirement_judge again unless it holds. */
enum step requirement_renew(struct task *task) must_check;
/*
 * What the client is to bring next time: what it brought, and what it has seen now. A standby that
 * is not on the timeline by which the request was judged shows something that may be past a switch
 * point: where that is so, what the client brought is not dropped for it.
 */
struct position requirement_and(const struct task *task, struct position seen) must_check;
/*
 * The token of an answer of that node, seen being requirement_and; out is left as it is where there
 * is none. While no primary has been followed yet, what the request brought cannot be judged: there
 * is a token only where that is of the life of the log that the node has told, or nothing was
 * brought. Else the client keeps its own, by which a later request learns of a loss.
 */
void requirement_token(const struct task *task, unsigned node, struct position seen,
		       char out[TOKEN_TEXT_MAX + 1]);
/* Is one of its tokens beyond the end of the primary's WAL, flushed or not? */
bool requirement_is_beyond(const struct task *task, uint64_t wal_end) must_check;
/* Ends the request for that; always STEP_DONE. */
enum step requirement_refuse_beyond(struct task *task);
/* A step behind admission: the read index is asked for where the task wants one; or else a token
 * beyond all that was heard of is asked for at the primary. */
enum step requirement_confirm(struct request *request) must_check;
/* Is the index that it wants to be asked for, again where the primary's timeline is another one? */
bool requirement_lacks_index(const struct task *task) must_check;
