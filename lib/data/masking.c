#include "data/masking.h"

#include "base/lengths.h"
#include "base/size.h"
#include "base/status.h"
#include "data/transform.h"

#include <math.h>

clmix_status clmix_masking_make(struct clmix_masking *masking, const clmix_tokenizer *tokenizer, double share, size_t places, uint64_t seed)
{
    *masking = (struct clmix_masking){ .share = share, .places = places, .seed = seed, .vocabulary = clmix_tokenizer_size(tokenizer) };
    masking->mask = clmix_tokenizer_special(tokenizer, CLMIX_MASK);
    for (int i = 0; i < CLMIX_SPECIALS; i++)
        masking->special[i] = clmix_tokenizer_special(tokenizer, (clmix_special)i);
    if (!(share > 0.0 && share <= CLMIX_MASKED_MOST))
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "a share of %g of the tokens is to be masked; use more than 0 to %g, usually 0.15", share,
                          CLMIX_MASKED_MOST);
    if (masking->mask == CLMIX_NO_TOKEN || masking->vocabulary <= CLMIX_SPECIALS)
        return clmix_fail(CLMIX_ERROR_ARGUMENT,
                          "the tokenizer '%s' has no [MASK] or no other tokens, and masked language needs them; use wordpiece:FILE",
                          clmix_tokenizer_kind_name(tokenizer));
    return CLMIX_OK;
}

static bool is_special(const struct clmix_masking *masking, int32_t id)
{
    for (int i = 0; i < CLMIX_SPECIALS; i++)
        if (masking->special[i] == id && id != CLMIX_NO_TOKEN)
            return true;
    return false;
}

/* [PAD], [CLS] and [SEP] are not to be guessed. */
static bool is_word(const struct clmix_masking *masking, int32_t id)
{
    return id != masking->special[CLMIX_PAD] && id != masking->special[CLMIX_CLASSIFY] && id != masking->special[CLMIX_SEPARATOR];
}

static int32_t draw_word(const struct clmix_masking *masking, clmix_random *random)
{
    int32_t id;

    do
        id = (int32_t)clmix_random_below(random, (uint32_t)masking->vocabulary);
    while (is_special(masking, id));
    return id;
}

static int32_t draw_instead(const struct clmix_masking *masking, clmix_random *random, int32_t id)
{
    const uint32_t tenth = clmix_random_below(random, 10);

    return tenth < 8 ? masking->mask : tenth == 8 ? id : draw_word(masking, random);
}

/* What the shortest batch with a sequence of `count` tokens has room for. */
static size_t most_of(const struct clmix_masking *masking, size_t count)
{
    return clmix_most_labelled(clmix_smaller(clmix_round_up(count, CLMIX_LENGTH_STEP), masking->places));
}

/* Algorithm S of Knuth's second volume: goes through the candidates and takes each with the chance that as many are taken in the end as wanted. */
size_t clmix_masking_apply(const struct clmix_masking *masking, size_t epoch, size_t index, int32_t *ids, size_t count, int32_t *labels)
{
    clmix_random random = clmix_sample_draws("mask", masking->seed, epoch, index);
    size_t left = 0, wanted = clmix_larger(1, (size_t)nearbyint(masking->share * (double)count)), taken = 0;

    for (size_t i = 0; i < count; i++) {
        labels[i] = CLMIX_NO_LABEL;
        left += is_word(masking, ids[i]);
    }
    wanted = clmix_smaller(clmix_smaller(wanted, most_of(masking, count)), left);
    for (size_t i = 0; i < count && taken < wanted; i++) {
        if (!is_word(masking, ids[i]) || clmix_random_below(&random, (uint32_t)left--) >= wanted - taken)
            continue;
        labels[i] = ids[i];
        ids[i] = draw_instead(masking, &random, ids[i]);
        taken++;
    }
    return taken;
}

/* ---- of a loader's samples ---------------------------------------------------------------------------------------------------------------- */

static bool asked(const clmix_augment *augment, const clmix_dataset *dataset)
{
    (void)augment;
    return dataset->sequences.masking != NULL;
}

static clmix_status settle(const clmix_augment *augment, clmix_ports *ports)
{
    (void)augment;
    (void)ports;
    return CLMIX_OK;
}

static size_t count_tokens(const int32_t *mask, size_t places)
{
    size_t count = 0;

    while (count < places && mask[count] != 0)
        count++;
    return count;
}

/* Of the test split always the same are to be guessed, whatever the run's seed is. */
static void mask_sample(const clmix_transform_call *call, uint32_t index, void *const *arrays)
{
    const size_t tokens = clmix_ports_place(call->ports, CLMIX_TOKENS), mask = clmix_ports_place(call->ports, CLMIX_TOKEN_MASK),
                 labels = clmix_ports_place(call->ports, CLMIX_TOKEN_LABELS);
    const bool test = call->split == CLMIX_TEST;
    struct clmix_masking masking = *call->dataset->sequences.masking;

    if (!test)
        masking.seed = call->seed;
    (void)clmix_masking_apply(&masking, test ? 0 : call->epoch, index, arrays[tokens],
                              count_tokens(arrays[mask], call->ports->list[mask].size[0]), arrays[labels]);
}

const clmix_transform clmix_transform_masking = { true, asked, settle, mask_sample, NULL };
