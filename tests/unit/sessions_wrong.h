/* SPDX-License-Identifier: Apache-2.0 */
/* router/consistency/sessions.c under other names: WRONG(name) gives them, SESSIONS_LEAVE the
 * fault. */
#define sessions_new WRONG(new)
#define sessions_free WRONG(free)
#define sessions_raise_floor WRONG(raise_floor)
#define sessions_floor WRONG(floor)
#define sessions_wrote WRONG(wrote)
#define sessions_find WRONG(look)
#define sessions_promoted WRONG(promoted)
#define sessions_settle WRONG(settle)
#define sessions_count WRONG(count)
#include "router/consistency/sessions.c"

#include "sessions_build.h"

const struct sessions_build WRONG_BUILD = {
	.make = sessions_new,
	.unmake = sessions_free,
	.raise_floor = sessions_raise_floor,
	.wrote = sessions_wrote,
	.look = sessions_find,
	.promoted = sessions_promoted,
};
