/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guards that a control build leaves out (make VARIANT=no-proof and its like), to see that the
 * history checker of tests/guarantees, or a scenario, would notice. Every other build has them all.
 */
#pragma once

#ifdef CONTROL_NO_PROOF
#define CONTROL_PROOF 0 /* what a node answered counts, however far it had come */
#else
#define CONTROL_PROOF 1
#endif

#ifdef CONTROL_NO_PRESSURE
#define CONTROL_PRESSURE 0 /* the rows of a stream are read however slowly they are taken */
#else
#define CONTROL_PRESSURE 1
#endif

#ifdef CONTROL_NO_FLOOR
#define CONTROL_FLOOR 0 /* who is not in the table of sessions requires nothing */
#else
#define CONTROL_FLOOR 1
#endif

#ifdef CONTROL_NO_COMMIT
#define CONTROL_COMMIT 0 /* a group's commands report success, committed or not */
#else
#define CONTROL_COMMIT 1
#endif

#ifdef CONTROL_NO_HOLD
#define CONTROL_HOLD 0 /* a group answers commands without a savepoint before its COMMIT */
#else
#define CONTROL_HOLD 1
#endif

#ifdef CONTROL_NO_CLAIMS
#define CONTROL_CLAIMS 0 /* a call without claims meets those of the call before it */
#else
#define CONTROL_CLAIMS 1
#endif

#ifdef CONTROL_NO_REVOCATION
#define CONTROL_REVOCATION 0 /* an API key that was revoked goes on to count */
#else
#define CONTROL_REVOCATION 1
#endif

#ifdef CONTROL_NO_CLOSED
#define CONTROL_CLOSED 0 /* where no API key counts any more, there never was one */
#else
#define CONTROL_CLOSED 1
#endif

#ifdef CONTROL_NO_JOB_LOCK
#define CONTROL_JOB_LOCK "" /* jobs are claimed without the lock on their rows */
#else
#define CONTROL_JOB_LOCK " FOR UPDATE SKIP LOCKED"
#endif

#ifdef CONTROL_NO_JOB_FRAME
#define CONTROL_JOB_FRAME 0 /* the effects of jobs commit before their ends do */
#else
#define CONTROL_JOB_FRAME 1
#endif

#ifdef CONTROL_NO_JOB_BEGUN
#define CONTROL_JOB_BEGUN 0 /* what was in a transaction that was lost runs as if it had not been */
#else
#define CONTROL_JOB_BEGUN 1
#endif

#ifdef CONTROL_NO_JOB_HOLDERS
#define CONTROL_JOB_HOLDERS 0 /* a floor of jobs is not kept down by who has not committed yet */
#else
#define CONTROL_JOB_HOLDERS 1
#endif

#ifdef CONTROL_NO_JOB_LIFE
#define CONTROL_JOB_LIFE "true OR " /* a floor of jobs counts on whatever server it is */
#define CONTROL_JOB_LIVES 0
#else
#define CONTROL_JOB_LIFE ""
#define CONTROL_JOB_LIVES 1
#endif

#ifdef CONTROL_NO_SCHEDULE_LOCK
#define CONTROL_SCHEDULE_LOCK "" /* a due time is taken without the lock on its row */
#else
#define CONTROL_SCHEDULE_LOCK " FOR UPDATE OF s SKIP LOCKED"
#endif

#ifdef CONTROL_ANY_FLIGHT
#define CONTROL_QUEUED 0 /* identical queries are answered with one that is out already */
#else
#define CONTROL_QUEUED 1
#endif

#ifdef CONTROL_NO_INDEX
#define CONTROL_INDEXED 0 /* what other instances wrote is not asked for */
#else
#define CONTROL_INDEXED 1
#endif

#ifdef CONTROL_OLD_INDEX
#define CONTROL_INDEX 0 /* a read index counts that was asked for before the read had come */
#else
#define CONTROL_INDEX 1
#endif

#ifdef CONTROL_OLD_CARRIED
#define CONTROL_CARRIED 0 /* so does what a command tells that was sent before the read had come */
#else
#define CONTROL_CARRIED 1
#endif

#ifdef CONTROL_NO_WITNESSES
#define CONTROL_WITNESSES 0 /* one standby's word is enough to confirm an answer */
#else
#define CONTROL_WITNESSES 1
#endif

#ifdef CONTROL_NO_TIMELINES
#define CONTROL_TIMELINES 0 /* lsns are compared whatever their timelines */
#else
#define CONTROL_TIMELINES 1
#endif

#ifdef CONTROL_NO_LIVES
#define CONTROL_LIVES 0 /* tokens carry no mark of the life of the log that they are made in */
#else
#define CONTROL_LIVES 1
#endif

#ifdef CONTROL_FEED_XMAX
#define CONTROL_FEED_MARKS 0 /* gaps of the feed are closed by the xmax of a snapshot */
#else
#define CONTROL_FEED_MARKS 1
#endif

#ifdef CONTROL_FEED_NO_GAPS
#define CONTROL_FEED_GAPS 0 /* an id of the feed that was passed by is not asked for again */
#else
#define CONTROL_FEED_GAPS 1
#endif

#ifdef CONTROL_FEED_NO_FLOOR
#define CONTROL_FEED_FLOOR 0 /* rows of the feed that were deleted unseen are not missed */
#else
#define CONTROL_FEED_FLOOR 1
#endif

#ifdef CONTROL_FEED_NO_SHAPE
#define CONTROL_FEED_SHAPE 0 /* that the schema has changed is not seen by the feed */
#else
#define CONTROL_FEED_SHAPE 1
#endif

#ifdef CONTROL_FEED_UNWATCHED
#define CONTROL_FEED_WATCHED 0 /* tables count as watched that are not */
#else
#define CONTROL_FEED_WATCHED 1
#endif

#ifdef CONTROL_WARM_WITHOUT_REST
#define CONTROL_WARM_RESTS 0 /* keys are asked again one group after another, without a pause */
#else
#define CONTROL_WARM_RESTS 1
#endif

#ifdef CONTROL_WARM_NO_ROOM
#define CONTROL_WARM_ROOM 0 /* keys are asked again though queries of clients wait */
#else
#define CONTROL_WARM_ROOM 1
#endif

#ifdef CONTROL_WARM_NO_PACE
#define CONTROL_WARM_PACE 0 /* keys are asked again beside all that clients miss */
#else
#define CONTROL_WARM_PACE 1
#endif

#ifdef CONTROL_WARM_NO_VERSION
#define CONTROL_WARM_VERSION 0 /* keys are asked again of operations that have changed */
#else
#define CONTROL_WARM_VERSION 1
#endif

#ifdef CONTROL_NO_CACHE_SECTION
#define CONTROL_CACHE_SECTION 0 /* memory of the cache is used again while readers look at it */
#else
#define CONTROL_CACHE_SECTION 1
#endif

#ifdef CONTROL_CACHE_NO_FENCE
#define CONTROL_CACHE_FENCE 0 /* kept answers are given that something has touched since */
#else
#define CONTROL_CACHE_FENCE 1
#endif

#ifdef CONTROL_CACHE_NO_DOUBT
#define CONTROL_CACHE_DOUBT 0 /* answers are kept and given while commands touch them */
#else
#define CONTROL_CACHE_DOUBT 1
#endif

#ifdef CONTROL_CACHE_ANY
#define CONTROL_CACHE_REQUIRED 0 /* kept answers are given whatever the request must see */
#else
#define CONTROL_CACHE_REQUIRED 1
#endif

#ifdef CONTROL_CACHE_LOOSE_BOUND
#define CONTROL_CACHE_BOUND 0 /* answers of the primary are kept as if they showed all it had */
#else
#define CONTROL_CACHE_BOUND 1
#endif

#ifdef CONTROL_ANY_RESTART
#define CONTROL_RESTARTS 0 /* a replica that has restarted answers though no primary is followed */
#else
#define CONTROL_RESTARTS 1
#endif

#ifdef CONTROL_NO_RENEWAL
#define CONTROL_RENEWAL 0 /* conns go on with what they prepared before roles changed */
#else
#define CONTROL_RENEWAL 1
#endif

#ifdef CONTROL_CACHE_OF_ALL
#define CONTROL_CACHE_CLAIMS 0 /* kept answers are given to others than who asked for them */
#else
#define CONTROL_CACHE_CLAIMS 1
#endif

#ifdef CONTROL_CACHE_NOT_ASKED
#define CONTROL_CACHE_ASKED 0 /* kept answers are given whatever Cache-Control asks for */
#else
#define CONTROL_CACHE_ASKED 1
#endif

#ifdef CONTROL_CACHE_NO_REFRESHES
#define CONTROL_CACHE_REFRESHES 0 /* nothing is asked behind a command that @refreshes it */
#else
#define CONTROL_CACHE_REFRESHES 1
#endif

#ifdef CONTROL_CACHE_NO_GROUPS
#define CONTROL_CACHE_GROUPS 0 /* caches in front are not told what a command made stale */
#else
#define CONTROL_CACHE_GROUPS 1
#endif

#ifdef CONTROL_CACHE_NO_SCHEMA
#define CONTROL_CACHE_SCHEMA 0 /* that the schema, or a right, has changed touches nothing kept */
#else
#define CONTROL_CACHE_SCHEMA 1
#endif

#ifdef CONTROL_FEED_UNDECODED
#define CONTROL_FEED_DECODED 0 /* what transactions changed that were decoded is passed by */
#else
#define CONTROL_FEED_DECODED 1
#endif

#ifdef CONTROL_FEED_OLD_SLOT
#define CONTROL_FEED_PUBLICATION 0 /* a slot counts that was there before the publication changed */
#else
#define CONTROL_FEED_PUBLICATION 1
#endif
