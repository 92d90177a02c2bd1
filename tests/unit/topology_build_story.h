/* SPDX-License-Identifier: Apache-2.0 */
/* A primary p and its replicas r1 and r2, and what they answer: for stories of
 * router/cluster/topology_build.h. */
#pragma once

#include "router/cluster/node_history.h"
#include "router/cluster/topology_build.h"
#include "router/consistency/sessions.h"

#include <stdint.h>
#include <string.h>

enum { P, R1, R2, NODES, US = 7 /* a cluster */ };

extern struct node *const nodes[NODES];
extern struct options options;
extern struct sessions *sessions;
extern struct cluster cluster;
extern const struct topology_events events;
extern int64_t now_us;

int topology_build_begin(void **state);
int topology_build_end(void **state);

const struct node_view *view(unsigned index);
/* Of a timeline whose ancestors were left one after the other. */
struct history history_of(uint32_t timeline);
/* What a walsender would say. */
void tell_history(unsigned index);
/* A look, without and with the history that it may bring up. */
void look_at(unsigned index, struct node_status status);
void answer(unsigned index, struct node_status status);
void primary_at(unsigned index, uint64_t lsn, uint32_t timeline);
void replica_at(unsigned index, uint64_t lsn, uint32_t timeline);
void silence(unsigned index);
/* All at 1000 on timeline 1. */
void all_well(void);
