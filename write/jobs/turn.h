/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In which order the queues of commands are claimed from: the most urgent first (@priority), those
 * of one urgency in turns, as the first one may fill the batch by itself. Each JOB_TURN_OTHERS-th
 * claim begins somewhere else, at each queue in turn: a flood of urgent jobs delays the others, and
 * never stops them. Policy only.
 */
#pragma once

#define JOB_TURN_OTHERS 8

/*
 * urgencies: [count], sorted. order: [count], the indexes in their order. turn counts the claims
 * of one kind, from any number.
 */
void job_turn_order(const unsigned *urgencies, unsigned count, unsigned turn, unsigned *order);
