#include "support_hand.h"

#include <math.h>
#include <stdlib.h>

#include <clmix/ops.h>

#include "network/config.h"
#include "network/network.h"
#include "support_ops.h"

#define TOLERANCE 2e-5 /* of the largest movement of a weight */

float *hand_read(cl_mem memory, size_t count)
{
    float *values = malloc(count * sizeof *values);

    ck_assert_ptr_nonnull(values);
    ops_ok(clmix_buffer_read(ops_device, memory, 0, values, count * sizeof *values));
    return values;
}

cl_mem hand_room(size_t count, const float *values)
{
    cl_mem memory;

    ops_ok(clmix_buffer_create(ops_device, count * sizeof *values, "a test", &memory));
    if (values != NULL)
        ops_ok(clmix_buffer_write(ops_device, memory, 0, values, count * sizeof *values));
    else
        ops_ok(clmix_buffer_zero(ops_device, memory, 0, count * sizeof *values));
    return memory;
}

void hand_open(struct hand *hand, const char *model, const clmix_train_options *options)
{
    *hand = (struct hand){ .options = *options, .mean = { 0.5f, 0.5f, 0.5f, 0.5f }, .std = { 0.5f, 0.5f, 0.5f, 0.5f } };
    ops_ok(clmix_config_open(&hand->config, model));
    ops_ok(clmix_network_create(&hand->network, ops_device, hand->config, options->seed));
    hand->weight_count = clmix_graph_weight_count(hand->network->graph);
    hand->state_count = clmix_graph_state_count(hand->network->graph);
    ck_assert_uint_gt(hand->state_count, 0); /* batch normalisation */
    hand->gradients = hand_room(hand->weight_count, NULL);
    hand->start = hand_read(clmix_network_weights(hand->network), hand->weight_count);
    hand->average = hand_read(clmix_network_weights(hand->network), hand->weight_count);
    hand->average_states = hand_read(clmix_network_states(hand->network), hand->state_count);
}

void hand_close(struct hand *hand)
{
    for (int i = 0; i <= HAND_MOST; i++)
        clmix_plan_free(hand->plans[i]);
    clmix_buffer_release(ops_device, hand->gradients);
    clmix_network_free(hand->network);
    clmix_config_free(hand->config);
    free(hand->start);
    free(hand->average);
    free(hand->average_states);
}

clmix_plan *hand_compile(const struct hand *hand, size_t count, clmix_mode mode, cl_mem weights, cl_mem states)
{
    const bool training = mode == CLMIX_TRAINING, mixup = training && hand->options.augment.mixup > 0.0f;
    const size_t size[4] = { count, HAND_SIDE, HAND_SIDE, HAND_CHANNELS };
    clmix_graph *graph = clmix_graph_new();
    clmix_value pictures = clmix_batch_input(graph, "pictures", CLMIX_U8, 4, size),
                labels = clmix_batch_input(graph, "labels", CLMIX_I32, 1, size), x = clmix_normalize(pictures, hand->mean, hand->std),
                logits = clmix_config_build(clmix_root(graph), &x, (clmix_value){ .graph = NULL }, hand->config);
    clmix_value second = { 0 }, weight = { 0 }, loss;
    const clmix_value one = { 0 };
    const int first = 1;
    clmix_plan *plan;

    if (mixup) {
        second = clmix_batch_input(graph, "second", CLMIX_I32, 1, size);
        weight = clmix_batch_input(graph, "weight", CLMIX_F32, 1, size);
    }
    loss = clmix_cross_entropy(logits, labels, training ? hand->options.label_smoothing : 0.0f, second, weight);
    clmix_output(graph, "loss", loss);
    clmix_output(graph, "correct", clmix_top_k(logits, labels, 1, &first));
    if (training)
        clmix_backward(graph, 1, &loss, &one);
    ops_ok(clmix_plan_compile(&plan, graph, ops_device, mode));
    clmix_graph_free(graph);
    ops_ok(clmix_plan_bind_arena(plan, CLMIX_WEIGHTS, weights));
    ops_ok(clmix_plan_bind_arena(plan, CLMIX_STATES, states));
    if (training)
        ops_ok(clmix_plan_bind_arena(plan, CLMIX_GRADIENTS, hand->gradients));
    return plan;
}

size_t hand_labels(const struct hand *hand, const struct part *part)
{
    const bool mixup = hand->options.augment.mixup > 0.0f;
    size_t count = 0;

    for (size_t i = 0; i < part->count; i++)
        count += part->labels[i] != CLMIX_NO_LABEL && !(mixup && part->second[i] == CLMIX_NO_LABEL);
    return count;
}

/* The gradients of a batch, times its labels that count, are added to `sums`; its loss. */
static double add_gradients(struct hand *hand, const struct part *part, double *sums)
{
    clmix_plan **plan = &hand->plans[part->count];
    float loss, correct, *gradients;

    if (*plan == NULL)
        *plan = hand_compile(hand, part->count, CLMIX_TRAINING, clmix_network_weights(hand->network), clmix_network_states(hand->network));
    ops_ok(clmix_plan_write(*plan, "pictures", part->pictures, part->count * TRAIN_PICTURE));
    ops_ok(clmix_plan_write(*plan, "labels", part->labels, part->count * sizeof *part->labels));
    if (hand->options.augment.mixup > 0.0f) {
        ops_ok(clmix_plan_write(*plan, "second", part->second, part->count * sizeof *part->second));
        ops_ok(clmix_plan_write(*plan, "weight", part->weights, part->count * sizeof *part->weights));
    }
    ops_ok(clmix_plan_set_step(*plan, hand->options.seed, hand->draws++));
    ops_ok(clmix_plan_run(*plan));
    ops_ok(clmix_plan_read(*plan, "loss", &loss, sizeof loss));
    ops_ok(clmix_plan_read(*plan, "correct", &correct, sizeof correct));
    hand->counted += (double)hand_labels(hand, part);
    hand->correct += (double)correct;
    gradients = hand_read(hand->gradients, hand->weight_count);
    for (size_t i = 0; i < hand->weight_count; i++)
        sums[i] += (double)hand_labels(hand, part) * (double)gradients[i];
    free(gradients);
    return (double)loss;
}

/* average = decay * average + (1 - decay) * values */
static void follow(const struct hand *hand, float *average, const float *values, size_t count)
{
    const double rising = (1.0 + (double)hand->step) / (10.0 + (double)hand->step), decay = fmin(rising, (double)hand->options.average);

    for (size_t i = 0; i < count; i++)
        average[i] = (float)(decay * (double)average[i] + (1.0 - decay) * (double)values[i]);
}

double hand_step(struct hand *hand, const struct part *parts, size_t count, double *losses)
{
    const double rate = (double)clmix_schedule_rate(&hand->options, hand->step, hand->total), most = (double)hand->options.clip_norm;
    double *sums = calloc(hand->weight_count, sizeof *sums), norm = 0.0, labels = 0.0, factor;
    float *weights = hand_read(clmix_network_weights(hand->network), hand->weight_count), *states;

    for (size_t i = 0; i < count; i++) {
        losses[i] = add_gradients(hand, &parts[i], sums);
        labels += (double)hand_labels(hand, &parts[i]);
    }
    for (size_t i = 0; i < hand->weight_count; i++)
        norm += sums[i] * sums[i];
    norm = sqrt(norm) / labels;
    factor = most > 0.0 && norm > most ? most / norm : 1.0;
    for (size_t i = 0; i < hand->weight_count; i++)
        weights[i] = (float)((double)weights[i] - rate * factor * sums[i] / labels);
    ops_ok(clmix_buffer_write(ops_device, clmix_network_weights(hand->network), 0, weights, hand->weight_count * sizeof *weights));
    states = hand_read(clmix_network_states(hand->network), hand->state_count);
    follow(hand, hand->average, weights, hand->weight_count);
    follow(hand, hand->average_states, states, hand->state_count);
    hand->step++;
    free(sums);
    free(weights);
    free(states);
    return norm;
}

/* How far both have come from the same beginning. */
static void same_movement(const char *what, const float *got, const float *wanted, const float *start, size_t count)
{
    float *moved = malloc(count * sizeof *moved), *wanted_moved = malloc(count * sizeof *wanted_moved);

    for (size_t i = 0; i < count; i++) {
        moved[i] = got[i] - start[i];
        wanted_moved[i] = wanted[i] - start[i];
    }
    ops_compare_floats(what, moved, wanted_moved, count, TOLERANCE);
    free(moved);
    free(wanted_moved);
}

void hand_same_place(const struct train_run *run, const struct hand *hand)
{
    const struct clmix_replica *trainer = &run->trainer->replicas[0];
    float *weights = hand_read(clmix_network_weights(run->network), hand->weight_count),
          *wanted = hand_read(clmix_network_weights(hand->network), hand->weight_count),
          *states = hand_read(clmix_network_states(run->network), hand->state_count),
          *wanted_states = hand_read(clmix_network_states(hand->network), hand->state_count);

    ck_assert(trainer->map.weight_count == hand->weight_count && trainer->map.state_count == hand->state_count);
    same_movement("weights", weights, wanted, hand->start, hand->weight_count);
    ops_compare_floats("running statistics", states, wanted_states, hand->state_count, TOLERANCE);
    free(weights);
    free(states);
    if (hand->options.average > 0.0f) {
        ck_assert(trainer->average_weights != NULL && trainer->average_states != NULL);
        weights = hand_read(trainer->average_weights, hand->weight_count);
        states = hand_read(trainer->average_states, hand->state_count);
        same_movement("averaged weights", weights, hand->average, hand->start, hand->weight_count);
        ops_compare_floats("averaged statistics", states, hand->average_states, hand->state_count, TOLERANCE);
        free(weights);
        free(states);
    }
    free(wanted);
    free(wanted_states);
}
