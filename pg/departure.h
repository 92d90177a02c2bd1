/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which of the calls that wait leave together, as one batch. Quick queries do, as long as they are
 * expected to be over in a few ms; so do commands that may share a commit; all others travel alone.
 */
#pragma once

struct conn;
struct lane;

/* Takes calls off the head of the lane's queue, one at least, and sends them. The conn
 * is idle before; afterwards it is busy, or closed. */
void departure_send(struct conn *conn, struct lane *lane);
