/* SPDX-License-Identifier: Apache-2.0 */
/* Two looks at the same place, one nudge. */
#include "router/nudge.h"

enum nudge_advice nudge_look(struct nudge *nudge, const struct look *look)
{
	uint64_t stood_lsn = nudge->stood_lsn;

	nudge->stood_lsn = look->amid ? look->lsn : 0;
	if (!look->amid || look->lsn == nudge->nudged_lsn)
		return NUDGE_NOT;
	if (stood_lsn == look->lsn) {
		nudge->nudged_lsn = look->lsn;
		return NUDGE_NOW;
	}
	/* One that moves on from page to page needs no help, and no hurry. */
	return stood_lsn ? NUDGE_NOT : NUDGE_LOOK_SOON;
}
