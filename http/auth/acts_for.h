/* SPDX-License-Identifier: Apache-2.0 */
/* On whose behalf a principal may ask. Pure. */
#pragma once

#include "base/arena.h"
#include "base/check.h"
#include "base/principal.h"
#include "base/text.h"

#include <stdbool.h>

/*
 * named: by the user header; ptr NULL: by none. False: the principal may not act for that user, or
 * for any. True: *user is who it acts for, ptr NULL: no user.
 */
bool acts_for_user(const struct principal *principal, struct text named,
		   struct text *user) must_check;

/*
 * The user in the words of one tenant alone: what is remembered, limited or stored for a user of
 * one issuer never meets that of another one's user of the same name. ptr NULL: no user.
 */
struct text acts_for_key(const struct principal *principal, struct text user,
			 struct arena *arena) must_check;
