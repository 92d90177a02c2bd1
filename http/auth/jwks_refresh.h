/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a key set is fetched, and what becomes of it. The last good one stays in use, however long
 * no other can be fetched. Everything on one loop, whose thread the fetch may block.
 *
 *   due at once ──► fetch ──good──► again after its max-age, within 60 s and 1 h
 *                     └───not────► again after 1 s, doubled each time up to 60 s
 *   a token names a key that is not known ──► 30 s after the last fetch began, unless due sooner
 *   a reload ──► at once
 */
#pragma once

#include "base/buf.h"
#include "base/check.h"
#include "base/loop.h"
#include "base/metrics.h"
#include "base/random.h"
#include "base/snapshot.h"
#include "base/text.h"
#include "http/auth/jwk.h"

#include <stdbool.h>
#include <stdint.h>

/* What a server answered. */
struct jwks_answer {
	struct buf body;
	int64_t max_age_s; /* of Cache-Control; -1: it does not say */
	char error[256];
};

struct jwks_refresh_settings {
	struct snapshot *keys;   /* of struct jwk_set; published by this loop's thread only */
	struct metrics *metrics; /* of this thread */
	/* Fills the answer. False: error says why; error empty: it was given up at a stop. */
	bool (*fetch)(void *arg, struct jwks_answer *answer);
	int64_t (*wall_us)(void); /* the wall clock, for the metric */
	void *arg;
};

struct jwks_refresh {
	struct jwks_refresh_settings settings;
	struct loop *loop;
	struct loop_timer timer;
	struct random random;
	struct jwks_answer answer;
	struct jwk_set *set, *next; /* what is published; what is read */
	int64_t begun_us, good_us;  /* of the last fetch, of the last good one; monotonic */
	unsigned failures;          /* in a row */
	bool published;
};

/* The first fetch is due in the next turn. */
void jwks_refresh_init(struct jwks_refresh *refresh, struct loop *loop,
		       const struct jwks_refresh_settings *settings);
void jwks_refresh_fini(struct jwks_refresh *refresh);
/* A key is missing. */
void jwks_refresh_want(struct jwks_refresh *refresh);
/* An operator asks for them: in the next turn, whenever the last fetch was. */
void jwks_refresh_now(struct jwks_refresh *refresh);

/* max-age of a Cache-Control; 0 of no-store and no-cache; -1: it says neither. */
int64_t jwks_max_age_s(struct text cache_control) must_check;
