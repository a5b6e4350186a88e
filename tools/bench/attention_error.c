/* Softmax attention on the host, of as many queries as are soon done, and how far another operator is from it. */
#include "base/size.h"
#include "base/status.h"
#include "bench/attention.h"

#include <math.h>
#include <stdlib.h>

#define MOST_QUERIES  64
#define LEAST_QUERIES 4
#define MOST_WORK     268435456 /* multiply-adds of the scores */

/* Rows of one head of a sample are so many floats apart. */
static size_t pitch_of(const struct bench_attention *of)
{
    return of->mixer.heads * of->mixer.head_dim;
}

/* The first element of a head's row. */
static size_t at(const struct bench_attention *of, size_t sample, size_t head, size_t token)
{
    return (sample * of->tokens + token) * pitch_of(of) + head * of->mixer.head_dim;
}

static size_t token_of(const struct bench_reference *reference, const struct bench_attention *of, size_t query)
{
    return (2 * query + 1) * of->tokens / (2 * reference->queries);
}

/* The row's weights, unscaled, and their sum. */
static double weigh(const struct bench_attention *of, const struct bench_operands *operands, size_t sample, size_t head, size_t token,
                    double *weights)
{
    const size_t d = of->mixer.head_dim;
    const float *q = operands->values[BENCH_QUERIES] + at(of, sample, head, token);
    double most = -INFINITY, sum = 0.0;

    for (size_t j = 0; j < of->tokens; j++) {
        const float *k = operands->values[BENCH_KEYS] + at(of, sample, head, j);
        double score = 0.0;

        for (size_t c = 0; c < d; c++)
            score += (double)q[c] * (double)k[c];
        weights[j] = score / sqrt((double)d);
        most = fmax(most, weights[j]);
    }
    for (size_t j = 0; j < of->tokens; j++)
        sum += weights[j] = exp(weights[j] - most);
    return sum;
}

/* One query's result; gives the entropy of its weights. */
static double attend(const struct bench_attention *of, const struct bench_operands *operands, size_t sample, size_t head, size_t token,
                     double *weights, double *y)
{
    const double sum = weigh(of, operands, sample, head, token, weights);
    double entropy = 0.0;

    for (size_t c = 0; c < of->mixer.head_dim; c++)
        y[c] = 0.0;
    for (size_t j = 0; j < of->tokens; j++) {
        const float *v = operands->values[BENCH_VALUES] + at(of, sample, head, j);
        const double weight = weights[j] / sum;

        entropy -= weight > 0.0 ? weight * log(weight) : 0.0;
        for (size_t c = 0; c < of->mixer.head_dim; c++)
            y[c] += weight * (double)v[c];
    }
    return entropy;
}

clmix_status bench_reference_make(struct bench_reference *reference, const struct bench_attention *of,
                                  const struct bench_operands *operands)
{
    const size_t heads = of->batch * of->mixer.heads, d = of->mixer.head_dim, fit = MOST_WORK / of->tokens / d / heads;
    double *weights = malloc(of->tokens * sizeof *weights), total = 0.0;

    reference->queries = clmix_smaller(of->tokens, clmix_smaller(MOST_QUERIES, clmix_larger(LEAST_QUERIES, fit)));
    reference->y = malloc(heads * reference->queries * d * sizeof *reference->y);
    if (weights == NULL || reference->y == NULL) {
        free(weights);
        return clmix_fail_memory("softmax attention to compare with");
    }
    for (size_t i = 0; i < heads * reference->queries; i++) {
        const size_t head = i / reference->queries, token = token_of(reference, of, i % reference->queries);

        total += attend(of, operands, head / of->mixer.heads, head % of->mixer.heads, token, weights, reference->y + i * d);
    }
    reference->entropy = total / (double)(heads * reference->queries);
    free(weights);
    return CLMIX_OK;
}

double bench_reference_error(const struct bench_reference *reference, const struct bench_attention *of, const float *y)
{
    const size_t d = of->mixer.head_dim;
    double away = 0.0, size = 0.0;

    for (size_t i = 0; i < of->batch * of->mixer.heads * reference->queries; i++) {
        const size_t head = i / reference->queries, token = token_of(reference, of, i % reference->queries);
        const float *row = y + at(of, head / of->mixer.heads, head % of->mixer.heads, token);

        for (size_t c = 0; c < d; c++) {
            const double wanted = reference->y[i * d + c], differs = (double)row[c] - wanted;

            away += differs * differs;
            size += wanted * wanted;
        }
    }
    return sqrt(away / size);
}

void bench_reference_free(struct bench_reference *reference)
{
    free(reference->y);
    *reference = (struct bench_reference){ 0 };
}
