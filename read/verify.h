/* SPDX-License-Identifier: Apache-2.0 */
/*
 * VERIFY: what a node said, be it rows, none or a refusal, is judged by what is known now; it is
 * answered, or the query goes on. Over the states of read/state.h; on the loop's thread.
 */
#pragma once

#include "base/check.h"
#include "read/state.h"

/* Does it count? */
enum proof {
	PROOF_HOLDS,
	/* The node began another life or timeline meanwhile: lsns of two histories cannot be
	 * compared. Or another primary was found, by which the request was not judged. */
	PROOF_OUTDATED,
	/*
	 * A standby that is re-pointed, or below one that is promoted, follows the new timeline
	 * before the monitor sees it: an lsn past the switch point would prove what is lost.
	 */
	PROOF_GONE_OVER,
	PROOF_BEYOND,      /* a token is beyond the end of the primary's WAL */
	PROOF_INVISIBLE,   /* what a token stands for may not be visible at the primary yet */
	PROOF_UNCONFIRMED, /* it must be confirmed, and is not */
};
enum proof verify_proof(struct read *read) must_check;
/* In READ_VERIFY: it does not count, the query goes on or is refused. */
enum step verify_refuse(struct read *read, enum proof proof) must_check;

/* The step of READ_VERIFY: by read->end. */
enum step verify_step(struct request *request);
