#include "members.h"

int cli_pair_members(cli_members *m, const cli_usage *usage)
{
    if (!m->names.count && !m->probes.count) {
        m->items[m->count++] = (fal_judge_member){.encoder = FAL_DEFAULT_ENCODER, .head = FAL_DEFAULT_HEAD};
        return -1;
    }
    if (m->names.count != m->probes.count && m->names.count != 1)
        return cli_misuse(usage, "%zu encoders and %zu probes: give one --probe for every --encoder, in the same order",
                          m->names.count, m->probes.count);
    int code = cli_name_encoders(usage, &m->names, &m->features, &m->encoders);
    if (code >= 0)
        return code;
    for (size_t i = 0; i < m->probes.count; i++) {
        const cli_encoder *e = &m->encoders.items[m->encoders.count == 1 ? 0 : i];
        m->items[m->count++] = (fal_judge_member){e->name, m->probes.items[i], e->stream, e->feature};
    }
    return m->count ? -1 : cli_misuse(usage, "--encoder needs a --probe");
}

void cli_members_free(cli_members *members)
{
    cli_encoders_free(&members->encoders);
}
