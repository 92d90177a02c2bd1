/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a request must see, judged by the history of the primary's timeline: its tokens, and the
 * session entry of its user. What survived a promotion is required on the new timeline; what is
 * lost is answered by 409 write-lost, with a token of the new timeline; what is not known makes the
 * request strong. Judged again whenever another primary was found before a node answered.
 *
 * Everything is given; the table of sessions changes where a loss is reported. Any thread.
 */
#pragma once

#include "base/check.h"
#include "base/position.h"
#include "base/request.h"
#include "router/cluster/history.h"
#include "router/cluster/topology.h"
#include "router/consistency/sessions.h"
#include "router/consistency/token.h"

#include <stdbool.h>
#include <stdint.h>

/* A branch that a token names and that is not known here: another timeline than the primary's, or
 * a life that its log does not have. */
struct heard_branch {
	uint32_t timeline, history, mark; /* of the token; timeline 0: none */
	uint32_t judged;                  /* the primary's timeline then */
	int64_t since_us;
};

/* Those heard of last. One per loop. */
#define HEARD_MAX 16
struct heard {
	struct heard_branch branches[HEARD_MAX];
	unsigned next; /* is overwritten next */
};

/* The request, and by what it is judged. Lent for one call. */
struct required_by {
	struct request *request;
	const struct topology *topology; /* no older than the floor of the sessions */
	struct sessions *sessions;
	struct token_maker *tokens;
	struct heard *heard;
	int64_t back_us; /* --timeline-back-ms; 0: never back */
	int64_t now_us;
};

struct required {
	uint32_t judged;          /* the timeline by whose history; 0: there was no primary */
	uint32_t life;            /* the mark of the life that was the last then; 0: not told */
	enum level level;         /* as asked, or LEVEL_STRONG */
	struct position position; /* the least it must see; POSITION_NONE: nothing */
	uint64_t token_lsn;       /* the greatest of its tokens, on that timeline; 0: none */
	uint32_t tokens_mark;     /* of all of them; 0: none, or they differ */
	uint64_t session_lsn;     /* of the user's own last write, likewise */
	bool poll_now; /* refused for want of a newer topology: the monitor should look */
};

/* Fills required. level: of a query the one that is asked for, of a command LEVEL_STRONG.
 * STEP_DONE: the request is refused, with its outcome. */
enum step required_judge(struct required *required, const struct required_by *by,
			 enum level level) must_check;
/* By the history that is known now. Without any primary so far: current. */
enum fate required_fate(const struct topology *topology, struct position position) must_check;
/* The same place on the timeline of now, for what is current or survived. */
struct position required_translate(const struct topology *topology,
				   struct position position) must_check;
/* One of the request's tokens is beyond the end of the primary's WAL, flushed or not: ends the
 * request for that; always STEP_DONE. */
enum step required_refuse_beyond(const struct required_by *by);
