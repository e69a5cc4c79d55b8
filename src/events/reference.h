// SPDX-License-Identifier: Apache-2.0
// events/reference.h: the tables of events and metrics as pages for people and as JSON, for
// `posthaste events`, docs/events.md and docs/metrics.md.
#pragma once

#include "base/json.h"
#include "events/event.h"
#include "events/metrics.h"

void events_markdown(struct buf *out);
void metrics_markdown(struct buf *out);
// {"id","level","counted","fields":[],"text","about"}
void event_json(struct json_out *o, enum event_id id);
// {"name","type","labels":[],"about"}; the exposition's name
void metric_json(struct json_out *o, enum metric_id id);
struct str metric_kind_name(enum metric_kind kind);       // "counter", "gauge", "histogram"
void metric_add_name(struct buf *out, enum metric_id id); // "tls_handshakes_total"
