/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread that sleeps most of the time and works in short bursts asks for short slices of the
 * processor: it waits less for its turn where others keep all cores busy, and gets no more of them
 * (Linux 6.12 and later: sched(7), EEVDF; sched_setattr(2), sched_runtime). Needs no privilege.
 */
#pragma once

/* Of the calling thread. Nothing happens where the kernel cannot. */
void slice_shorten(void);
