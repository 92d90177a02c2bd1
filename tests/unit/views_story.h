/* SPDX-License-Identifier: Apache-2.0 */
/* A primary p and its replicas r1 and r2, and what they answer: for stories of router/views.h. */
#pragma once

#include "router/views.h"

#include <stdint.h>
#include <string.h>

enum { P, R1, R2, NODES, US = 7 /* a cluster */ };

extern struct node *const nodes[NODES];
extern struct options options;
extern struct sessions *sessions;
extern struct views views;
extern int64_t now_us;

int views_begin(void **state);
int views_end(void **state);

const struct node_view *view(unsigned index);
/* Of a timeline whose ancestors were left one after the other. */
struct history history_of(uint32_t timeline);
/* What a walsender would say. */
void tell_history(unsigned index);
/* A look, without and with the history that it may bring up. */
void look_at(unsigned index, struct look look);
void answer(unsigned index, struct look look);
void primary_at(unsigned index, uint64_t lsn, uint32_t timeline);
void replica_at(unsigned index, uint64_t lsn, uint32_t timeline);
void silence(unsigned index);
/* All at 1000 on timeline 1. */
void all_well(void);
