#include "admin/admin_job.h"
#include "ledger/mysql_link.h"
#include "ledger/sale_flow.h"

/* Units by where they are now. Those of a refund that kept them are sold, and of no live order. */
struct whereabouts {
    uint64_t initial, added;
    uint64_t left, pending, paid, quarantined, refunded_kept;
};

static struct whereabouts find_units(const struct sale_flow *flow)
{
    const uint64_t refunded = flow->states[ORDER_STATE_REFUNDED].units;
    const uint64_t returned = flow->ledger[LEDGER_CAUSE_REFUND];
    struct whereabouts units = {
        .initial = flow->ledger[LEDGER_CAUSE_CREATE],
        .added = flow->ledger[LEDGER_CAUSE_ADD],
        .pending = flow->states[ORDER_STATE_PENDING].units,
        .paid = flow->states[ORDER_STATE_PAID].units,
        .quarantined = flow->states[ORDER_STATE_QUARANTINED].units,
        .refunded_kept = refunded > returned ? refunded - returned : 0,
    };

    for (uint32_t i = 0; i < flow->row.definition.sku_count; i++) {
        units.left += flow->row.definition.skus[i].total - flow->row.sold[i];
    }
    return units;
}

static void write_units(struct json_out *out, const struct sale_flow *flow)
{
    const struct whereabouts units = find_units(flow);
    const uint64_t found =
        units.left + units.pending + units.paid + units.quarantined + units.refunded_kept;

    json_out_begin_object(out);
    json_out_member_u64(out, "initial", units.initial);
    json_out_member_u64(out, "added", units.added);
    json_out_member_u64(out, "left", units.left);
    json_out_member_u64(out, "pending", units.pending);
    json_out_member_u64(out, "paid", units.paid);
    json_out_member_u64(out, "quarantined", units.quarantined);
    json_out_member_u64(out, "refunded_kept", units.refunded_kept);
    json_out_member_bool(out, "balanced", units.initial + units.added == found);
    json_out_name(out, "came_back");
    json_out_begin_object(out);
    json_out_member_u64(out, "closed", flow->ledger[LEDGER_CAUSE_CLOSE]);
    json_out_member_u64(out, "refunded", flow->ledger[LEDGER_CAUSE_REFUND]);
    json_out_member_u64(out, "voided", flow->ledger[LEDGER_CAUSE_VOID]);
    json_out_end_object(out);
    json_out_end_object(out);
}

static void write_states(struct json_out *out, const struct sale_flow *flow)
{
    json_out_begin_object(out);
    for (int state = 0; state < ORDER_STATE_COUNT; state++) {
        json_out_name(out, order_state_name((enum order_state)state));
        json_out_begin_object(out);
        json_out_member_u64(out, "orders", flow->states[state].orders);
        json_out_member_u64(out, "units", flow->states[state].units);
        json_out_member_u64(out, "amount", flow->states[state].amount);
        json_out_end_object(out);
    }
    json_out_end_object(out);
}

static void write_flow(struct json_out *out, const struct sale_flow *flow)
{
    json_out_begin_object(out);
    json_out_member_u64(out, "sale", flow->row.definition.sale.value);
    json_out_member_text(out, "currency", flow->row.definition.currency);
    json_out_member_time(out, "at", flow->now_ms);
    json_out_name(out, "units");
    write_units(out, flow);
    json_out_name(out, "orders");
    write_states(out, flow);
    json_out_end_object(out);
}

void admin_sale_flow(struct admin_job *job, struct admin_thread *thread)
{
    struct sale_flow flow;
    struct json_out out;
    const enum err err = sale_flow_read(thread->mysql, job->sale, &flow);

    if (err == ERR_NOT_FOUND) {
        admin_answer_refusal(job, ADMIN_REFUSAL_UNKNOWN_SALE, "There is no sale %u.",
                             job->sale.value);
    } else if (err != ERR_OK) {
        admin_answer_mysql(job, thread, err);
    } else {
        admin_answer_json(job, 200, &out);
        write_flow(&out, &flow);
    }
}
