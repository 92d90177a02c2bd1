/* SPDX-License-Identifier: Apache-2.0 */
/* A query of the user ann, who may have written: what the stories of queries share. */
#pragma once

#include "scene.h"

/* Where the WAL of the stories is; a probe or an answer is seen between two of these. */
#define REQUIRED_LSN 2000 /* what ann has written, and must see */
#define EARLY_LSN 1500    /* of a replica that has not replayed it */
#define NEARER_LSN 1800   /* and is on its way */
#define TOKEN_LSN 2500    /* what the token of an answer says */
#define LATER_LSN 9000    /* behind all that anybody requires */

static const char row[] = "{\"id\":7}";

/* The replica that was asked; fails when none or both were. */
unsigned asked_replica(void);
unsigned probed_replica(void);
/* It was answered once, by exactly that. */
void assert_document(const struct asked *asked, const char *document);
/* The user has written up to there. */
void wrote(struct scene *scene, const char *user, uint64_t lsn);
/* Asks the operation for ann. Both replicas are asked and are early: the query is parked then. */
void park(struct scene *scene, struct asked *asked, const char *operation);
