/* SPDX-License-Identifier: Apache-2.0 */
/* Intrusive doubly linked lists with a count. The link lives in the member; a list owns nothing. */
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>

struct list_link {
	struct list_link *prev, *next; /* both NULL: on no list */
};

struct list {
	struct list_link head;
	size_t count;
};

/* The struct that holds the link: container_of(link, struct call, link). */
#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

#define list_each(list, it)                                                                        \
	for (struct list_link *it = (list)->head.next; it != &(list)->head; it = it->next)

static inline void list_init(struct list *list)
{
	list->head.prev = list->head.next = &list->head;
	list->count = 0;
}

static inline bool list_empty(const struct list *list)
{
	return list->count == 0;
}

static inline bool list_linked(const struct list_link *link)
{
	return link->next != NULL;
}

static inline void list_insert_before(struct list *list, struct list_link *at,
				      struct list_link *link)
{
	assert(!list_linked(link));
	link->prev = at->prev;
	link->next = at;
	at->prev->next = link;
	at->prev = link;
	list->count++;
}

/* at: a link of the list, or its head. */
static inline void list_insert_behind(struct list *list, struct list_link *at,
				      struct list_link *link)
{
	list_insert_before(list, at->next, link);
}

static inline void list_append(struct list *list, struct list_link *link)
{
	list_insert_before(list, &list->head, link);
}

static inline void list_prepend(struct list *list, struct list_link *link)
{
	list_insert_before(list, list->head.next, link);
}

static inline void list_remove(struct list *list, struct list_link *link)
{
	assert(list_linked(link));
	assert(list->count > 0);
	link->prev->next = link->next;
	link->next->prev = link->prev;
	link->prev = link->next = NULL;
	list->count--;
}

/* NULL when the list is empty. */
static inline struct list_link *list_first(struct list *list)
{
	return list_empty(list) ? NULL : list->head.next;
}

static inline struct list_link *list_last(struct list *list)
{
	return list_empty(list) ? NULL : list->head.prev;
}

static inline struct list_link *list_take_first(struct list *list)
{
	struct list_link *link = list_first(list);

	if (link)
		list_remove(list, link);
	return link;
}
