/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a node told of the lives of its log (router/cluster/lives.h), against those of the log that
 * is followed. One thread.
 */
#pragma once

#include "base/check.h"
#include "router/cluster/cluster.h"

#include <stdbool.h>

/* Should it be asked for them? */
bool node_lives_wanted(const struct cluster *cluster, unsigned index) must_check;
/* As a primary: are they known, its own life among them, or known not to be had? */
bool node_lives_are_settled(const struct cluster *cluster, unsigned index) must_check;
/* It would be followed: its own life is to be added, where it is missing. */
void node_lives_want_own(struct cluster *cluster, unsigned index);
/* As a standby: it is behind the beginning of the primary's life, and does not have that. */
bool node_lives_are_other(const struct cluster *cluster, unsigned index) must_check;
/* As a standby: it has replayed the beginning of the primary's life: theirs is one log. */
bool node_lives_have_last(const struct cluster *cluster, unsigned index) must_check;
/* As a standby: it follows a life that is not known here, and that began without some of what is
 * known of the primary's log. */
bool node_lives_lack(const struct cluster *cluster, unsigned index) must_check;
/* Where its log parts from the one that is followed. False: not to be told. */
bool node_lives_part(const struct cluster *cluster, unsigned index,
		     struct lives_parting *parting) must_check;
