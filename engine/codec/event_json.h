/* event_json: an event to the shop as CloudEvents 1.0, structured JSON (schemas/events.md).
 * Why:    what a shop's program reads is written in one place, and is the same at each sending.
 * Never:  looks at anything but the event; judges a payload, which ledger/ wrote as JSON.
 * Thread: any. */
#pragma once

#include "common/buf.h"
#include "domain/shop_event.h"

#define EVENT_JSON_TYPE_PREFIX "example.seckill."
#define EVENT_JSON_CONTENT_TYPE "application/cloudevents+json"

enum { EVENT_JSON_SUBJECT_SIZE = 32 };

/* What the event is about, the record's key, too: the order's number, or "sale:7". Returns
 * `text`. */
const char *event_json_subject(const struct shop_event *event,
                               char text[static EVENT_JSON_SUBJECT_SIZE]);
/* Appends it. What does not fit turns `buf` failed. */
void event_json_write(const struct shop_event *event, struct buf *buf);
