/* SPDX-License-Identifier: Apache-2.0 */
/* What makers ask before they claim; all else is the plan's. */
#include "pg/jobs.h"

#include "pg/admission/estimate.h"
#include "pg/wire/member.h"

bool jobs_share(const struct statement *statement, bool claims)
{
	return member_shares(statement, claims);
}

bool jobs_are_short(const struct statement *statement)
{
	return estimate_is_known(statement) && estimate_us(statement) < JOBS_SHORT_US;
}
