#include "told_log.h"

#include <inttypes.h>

bool told_log_write(const struct crew *crew, const struct crowd *crowd, FILE *file)
{
    char name[CROWD_NAME_SIZE];
    bool good = true;

    for (uint32_t i = 0; i < crew->count; i++) {
        const struct tally *tally = shooter_tally(crew->shooters[i]);
        for (size_t r = 0; r < tally->record_count; r++) {
            const struct tally_record *record = &tally->records[r];
            const char *code = answer_code((enum answer)record->answer);
            crowd_name(crowd, record->buyer, name);
            if (record->order_no) {
                fprintf(file, "%s %s %" PRIu64 "\n", code, name, record->order_no);
            } else {
                fprintf(file, "%s %s -\n", code, name);
            }
        }
        good = good && !tally->records_lost;
    }
    return good && !ferror(file);
}

bool told_log_add(const struct crew *crew, const struct crowd *crowd, struct told_list *list)
{
    char name[CROWD_NAME_SIZE];
    bool good = true;

    for (uint32_t i = 0; good && i < crew->count; i++) {
        const struct tally *tally = shooter_tally(crew->shooters[i]);
        for (size_t r = 0; good && r < tally->record_count; r++) {
            const struct tally_record *record = &tally->records[r];
            crowd_name(crowd, record->buyer, name);
            good = told_add(list, answer_code((enum answer)record->answer), name, record->order_no);
        }
        good = good && !tally->records_lost;
    }
    return good;
}
