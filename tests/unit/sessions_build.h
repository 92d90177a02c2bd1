/* SPDX-License-Identifier: Apache-2.0 */
/* router/consistency/sessions.c as it is, and built wrong on purpose, so that a checker can be
 * checked. */
#pragma once

#include "router/consistency/sessions.h"

struct sessions_build {
	struct sessions *(*make)(size_t slots);
	void (*unmake)(struct sessions *sessions);
	void (*raise_floor)(struct sessions *sessions, struct position position);
	bool (*wrote)(struct sessions *sessions, struct text user, struct position position);
	struct session (*look)(const struct sessions *sessions, struct text user);
	void (*promoted)(struct sessions *sessions, const struct history *history,
			 const struct branches *branches, struct position position);
};

/* The floor is raised when the entry is gone already; in between, on_window is called. */
extern const struct sessions_build sessions_late;
extern void (*sessions_late_on_window)(void);
/* The floor is not raised at all. */
extern const struct sessions_build sessions_forgetful;
/* Right, but for a moment before an entry leaves in which on_moment is called. */
extern const struct sessions_build sessions_racing;
extern void (*sessions_racing_on_moment)(struct sessions *sessions);
extern struct sessions *sessions_racing_sessions;
