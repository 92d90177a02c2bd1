/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Letters from many threads to one loop: a ck_ring and an eventfd. One of the few files that share
 * state between threads. Only base/loop.h uses it.
 */
#pragma once

#include "base/check.h"

#include <stdbool.h>

struct mailbox;

/* NULL, and errno: there is no descriptor for it. */
struct mailbox *mailbox_new(void) must_check;
void mailbox_free(struct mailbox *mailbox);
/* Readable when there is post; the owner's epoll watches it. */
int mailbox_fd(const struct mailbox *mailbox);
/* Any thread. False: full. */
bool mailbox_post(struct mailbox *mailbox, void *letter) must_check;
/* Any thread: makes the descriptor readable without a letter. */
void mailbox_wake(struct mailbox *mailbox);
/* Owner only: quiets the descriptor; call before the first take of a turn. */
void mailbox_quiet(struct mailbox *mailbox);
/* Owner only: NULL when empty. */
void *mailbox_take(struct mailbox *mailbox) must_check;
