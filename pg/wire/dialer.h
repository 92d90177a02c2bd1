/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Begins connections off the loops' threads: looking up a name, reading a password file or a
 * service file may block, so a helper thread does it and hands the conn over as a letter. One
 * dialer per node, shared by all loops. What follows (PQconnectPoll) never blocks and is the
 * loop's own work.
 */
#pragma once

#include "base/check.h"
#include "base/loop.h"

#include <libpq-fe.h>

struct dialer;
struct dial;

/* The helper thread is started by the first dial. */
struct dialer *dialer_new(void) must_check;
/* No loop that dialed turns any more. Does not wait for a name server that does not answer. */
void dialer_free(struct dialer *dialer);

/*
 * keywords and values (NULL-terminated) are copied. on_dialed is called once on the loop's thread,
 * never from inside; pgconn is the owner's then, as PQconnectStartParams left it; NULL: no memory
 * or no thread. The dial is borrowed until then, or until it is forgotten.
 */
struct dial *dialer_dial(struct dialer *dialer, struct loop *loop, const char *const *keywords,
			 const char *const *values, void (*on_dialed)(void *owner, PGconn *pgconn),
			 void *owner) must_check;
/* on_dialed will not be called; the conn is closed wherever it is. On the loop's thread. */
void dial_forget(struct dial *dial);
