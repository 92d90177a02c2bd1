/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a request must see, judged by the history of the primary's timeline: its tokens, and the
 * session entry of its user. What survived a promotion is required on the new timeline; what is
 * lost is told (409 write-lost, with a token of the new timeline); what cannot be told makes the
 * request strong. Judged again whenever another primary was found before a node answered.
 */
#pragma once

#include "base/check.h"
#include "base/request.h"
#include "router/cluster/history.h"

struct task;

/* A token's timeline that no node was seen on, newer than the primary's. */
struct heard {
	uint32_t timeline, judged; /* of the token, and of the primary then; 0: none */
	int64_t since_us;
};

/* Sets task->needs.required and level, and task->judged; STEP_DONE: the request is refused. */
enum step required_judge(struct task *task) must_check;
/* Is that judgement of the timeline that the router knows now? */
bool required_hold(const struct task *task) must_check;
/* By the history that the router knows now. Without any primary so far: current. */
enum fate required_of(const struct task *task, struct position position);
/* The same place on the timeline of now, for what is current or survived. */
struct position required_translate(const struct task *task, struct position position);
/* Is one of its tokens beyond the end of the primary's WAL, flushed or not? */
bool required_beyond(const struct task *task, uint64_t newest) must_check;
/* Ends the request for that; always STEP_DONE. */
enum step required_refuse_beyond(struct task *task);
/* A step behind admission: a token beyond all that was heard of is asked for at the primary. */
enum step required_confirm(struct request *request) must_check;
