// SPDX-License-Identifier: Apache-2.0
// proof/evidence.c: results of SPF and DKIM as identifiers of DMARC.
#include "proof/evidence.h"

static enum dmarc_proof proof_of_spf(enum spf_result result);
static enum dmarc_proof proof_of_dkim(enum dkim_result result);

struct err dmarc_evidence(struct arena *a, const struct spf_answer *spf,
        const struct dkim_answer *dkim, struct dmarc_question *io)
{
    size_t count = dkim != NULL ? dkim->count : 0;
    struct dmarc_identifier *ids = arena_array(a, count + 1, struct dmarc_identifier);
    if (ids == NULL)
        return fail(ERR_LIMIT, "no memory for what SPF and DKIM found");
    io->dkim = ids;
    io->dkim_count = 0;
    io->spf = NULL;
    for (size_t i = 0; i < count; i++) {
        const struct dkim_verdict *v = &dkim->at[i];
        if (str_is_empty(v->signature->domain))
            continue;
        ids[io->dkim_count++] = (struct dmarc_identifier){
                .domain = v->signature->domain, .result = proof_of_dkim(v->result)};
    }
    if (spf != NULL) {
        ids[count] = (struct dmarc_identifier){
                .domain = spf->domain, .result = proof_of_spf(spf->result)};
        io->spf = &ids[count];
    }
    return OK;
}

static enum dmarc_proof proof_of_spf(enum spf_result result)
{
    switch (result) {
    case SPF_PASS:
        return DMARC_PROOF_PASS;
    case SPF_TEMPERROR:
        return DMARC_PROOF_TEMPERROR;
    case SPF_NONE:
    case SPF_NEUTRAL:
    case SPF_FAIL:
    case SPF_SOFTFAIL:
    case SPF_PERMERROR:
        break;
    }
    return DMARC_PROOF_OTHER;
}

static enum dmarc_proof proof_of_dkim(enum dkim_result result)
{
    switch (result) {
    case DKIM_PASS:
        return DMARC_PROOF_PASS;
    case DKIM_TEMPERROR:
        return DMARC_PROOF_TEMPERROR;
    case DKIM_NONE:
    case DKIM_FAIL:
    case DKIM_NEUTRAL:
    case DKIM_POLICY:
    case DKIM_PERMERROR:
        break;
    }
    return DMARC_PROOF_OTHER;
}
