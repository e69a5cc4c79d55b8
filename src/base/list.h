// SPDX-License-Identifier: Apache-2.0
// base/list.h: doubly linked lists whose links live in the things they link. The list never owns
// its members. A link that is in no list points at itself or is zero.
//
//     struct session { struct link in_listener; ... };
//     each_in_list(s, &listener->sessions, struct session, in_listener)
//         ...
#pragma once

#include "base/base.h"

struct link {
    struct link *next, *prev;
};

struct list {
    struct link head;
};

static inline void list_init(struct list *l)
{
    l->head.next = l->head.prev = &l->head;
}
static inline bool list_is_empty(const struct list *l)
{
    return l->head.next == &l->head;
}
static inline bool link_is_in(const struct link *k)
{
    return k->next != NULL && k->next != k;
}
static inline void link_insert_before(struct link *where, struct link *k)
{
    assert(!link_is_in(k));
    k->next = where;
    k->prev = where->prev;
    where->prev->next = k;
    where->prev = k;
}
static inline void list_append(struct list *l, struct link *k)
{
    link_insert_before(&l->head, k);
}
static inline void list_prepend(struct list *l, struct link *k)
{
    link_insert_before(l->head.next, k);
}
static inline void link_remove(struct link *k) // does nothing when it is in none
{
    if (k->next != NULL) {
        k->prev->next = k->next;
        k->next->prev = k->prev;
    }
    k->next = k->prev = NULL;
}
static inline struct link *list_first(const struct list *l) // NULL when empty
{
    return list_is_empty(l) ? NULL : l->head.next;
}
static inline struct link *list_take_first(struct list *l)
{
    struct link *k = list_first(l);
    if (k != NULL)
        link_remove(k);
    return k;
}

// The second form allows the loop's body to remove `item`.
#define each_in_list(item, list, type, member)                                                     \
    for (type *item = CONTAINER_OF((list)->head.next, type, member);                               \
            &item->member != &(list)->head;                                                        \
            item = CONTAINER_OF(item->member.next, type, member))
#define each_safe_in_list(item, list, type, member)                                                \
    for (type *item = CONTAINER_OF((list)->head.next, type, member),                               \
              *item##_next = CONTAINER_OF(item->member.next, type, member);                        \
            &item->member != &(list)->head; item = item##_next,                                    \
              item##_next = CONTAINER_OF(item##_next->member.next, type, member))
