// SPDX-License-Identifier: Apache-2.0
// base/list.h: doubly linked lists whose links live in the things they link. The list never owns
// its members. A link that is in no list is zero, so what arenas and mem_new give is ready.
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

// Steps of the loops below. The head is in no member: it must never be dressed up as one, not even
// to compare addresses, for its surroundings may be smaller than a member.
static inline void *list_item_at(const struct list *l, struct link *k, size_t offset)
{
    return k == &l->head ? NULL : (char *)k - offset;
}
static inline void *list_item_first(const struct list *l, size_t offset)
{
    return list_item_at(l, l->head.next, offset);
}
static inline void *list_item_after(const struct list *l, void *item, size_t offset)
{
    if (item == NULL)
        return NULL;
    struct link *k = (void *)((char *)item + offset);
    return list_item_at(l, k->next, offset);
}

// The second form allows the loop's body to remove `item`.
#define each_in_list(item, list, type, member)                                                     \
    for (type *item = list_item_first((list), offsetof(type, member)); item != NULL;               \
            item = list_item_after((list), item, offsetof(type, member)))
#define each_safe_in_list(item, list, type, member)                                                \
    for (type *item = list_item_first((list), offsetof(type, member)),                             \
              *item##_next = list_item_after((list), item, offsetof(type, member));                \
            item != NULL; item = item##_next,                                                      \
              item##_next = list_item_after((list), item##_next, offsetof(type, member)))
