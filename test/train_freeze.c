/* Frozen weights: their bits, those of the others, resuming, batch normalisation, refusals. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <clmix/ops.h>

#include "support_ops.h"
#include "support_train.h"

/* Whether the network's tensors that the pattern matches, or all others, are the same in both. */
static void same_values(const struct train_run *a, const struct train_run *b, const char *prefix, bool matching, bool same)
{
    for (size_t i = 0; i < clmix_network_tensor_count(a->network); i++) {
        clmix_tensor_info info;
        float *of_a, *of_b;
        size_t count;

        ops_ok(clmix_network_tensor(a->network, i, &info));
        if ((strncmp(info.name, prefix, strlen(prefix)) == 0) != matching)
            continue;
        count = clmix_shape_count(info.file_shape);
        of_a = malloc(count * sizeof *of_a);
        of_b = malloc(count * sizeof *of_b);
        ops_ok(clmix_network_read(a->network, info.name, of_a, count));
        ops_ok(clmix_network_read(b->network, info.name, of_b, count));
        ck_assert_msg((memcmp(of_a, of_b, count * sizeof *of_a) == 0) == same, "%s is %s", info.name, same ? "another" : "the same");
        free(of_a);
        free(of_b);
    }
}

/* Of whatever optimizer, with decay and averages. */
START_TEST(frozen_weights_keep_their_bits)
{
    clmix_train_options options = train_rich_options();
    struct train_run start, run;

    options.optimizer = (clmix_optimizer_kind)_i;
    options.weight_decay = 0.1f;
    strcpy(options.freeze, "layers.*,conv.0.*");
    train_open(&start, TRAIN_MODEL("0"), NULL, &options);
    train_open(&run, TRAIN_MODEL("0"), NULL, &options);
    train_steps(&run, 5);
    same_values(&run, &start, "layers.", true, true);
    same_values(&run, &start, "conv.0", true, true);
    same_values(&run, &start, "conv.1", true, false);
    same_values(&run, &start, "mlp_head", true, false);
    train_close(&run);
    train_close(&start);
}
END_TEST

/* Where no norm ties them together, one step moves the others as it would have. */
START_TEST(the_others_move_as_ever)
{
    clmix_train_options options = train_small_options();
    struct train_run all, run;
    clmix_plan_cost cost_of_all, cost;

    options.optimizer = CLMIX_SGD;
    options.clip_norm = 0.0f;
    train_open(&all, TRAIN_MODEL("0"), NULL, &options);
    strcpy(options.freeze, "layers.*");
    train_open(&run, TRAIN_MODEL("0"), NULL, &options);
    train_steps(&all, 1);
    train_steps(&run, 1);
    same_values(&run, &all, "layers.", false, true);
    same_values(&run, &all, "layers.", true, false);
    train_close(&run);

    strcpy(options.freeze, "conv.*,layers.*"); /* all that is before the head: its backward pass is left out */
    train_open(&run, TRAIN_MODEL("0"), NULL, &options);
    clmix_trainer_cost(all.trainer, &cost_of_all, NULL);
    clmix_trainer_cost(run.trainer, &cost, NULL);
    ck_assert_msg(2 * cost.flops < cost_of_all.flops, "%llu FLOPs of %llu", (unsigned long long)cost.flops,
                  (unsigned long long)cost_of_all.flops);
    train_steps(&run, 1);
    same_values(&run, &all, "mlp_head", true, true);
    train_close(&run);
    train_close(&all);
}
END_TEST

START_TEST(a_resumed_run_knows_what_is_frozen)
{
    clmix_train_options options = train_rich_options(), other;
    clmix_run_info info;

    strcpy(options.freeze, "layers.*");
    other = options;
    ops_ok(train_for(TRAIN_MODEL("0.3"), TRAIN_DATA, &options, train_folders[0], false, 0));
    ck_assert_int_eq(train_for(TRAIN_MODEL("0.3"), TRAIN_DATA, &options, train_folders[1], false, 4), CLMIX_ERROR_INTERRUPTED);
    other.freeze[0] = '\0';
    ck_assert_int_eq(train_for(TRAIN_MODEL("0.3"), TRAIN_DATA, &other, train_folders[1], true, 0), CLMIX_ERROR_ARGUMENT);
    ck_assert_msg(strstr(clmix_error(), "freeze layers.* and is to be resumed with nothing") != NULL, "%s", clmix_error());
    ops_ok(clmix_run_inspect(train_folders[1], &info));
    ck_assert_str_eq(info.options.freeze, "layers.*");
    ops_ok(train_for(TRAIN_MODEL("0.3"), TRAIN_DATA, &info.options, train_folders[1], true, 0));
    clmix_run_info_clear(&info);
    train_same_tensors(train_folders[0], train_folders[1], "checkpoint.safetensors");
    train_same_tensors(train_folders[0], train_folders[1], "model.safetensors");
}
END_TEST

START_TEST(patterns_that_cannot_be_are_refused)
{
    static const struct {
        const char *freeze, *part;
    } patterns[] = { { "layers.*,covn.*", "'covn.*' of weights to freeze matches none" }, { "*", "or all are frozen" } };
    clmix_train_options options = train_small_options();
    clmix_trainer *trainer;
    struct train_run run;

    train_open(&run, TRAIN_MODEL("0"), NULL, &options);
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        strcpy(options.freeze, patterns[i].freeze);
        ck_assert_int_eq(clmix_trainer_create(&trainer, run.network, NULL, &options), CLMIX_ERROR_ARGUMENT);
        ck_assert_msg(strstr(clmix_error(), patterns[i].part) != NULL, "%s", clmix_error());
    }
    memset(options.freeze, 'a', sizeof options.freeze);
    ck_assert_int_eq(clmix_trainer_create(&trainer, run.network, NULL, &options), CLMIX_ERROR_ARGUMENT);
    train_close(&run);
}
END_TEST

/* ---- weight decay ----------------------------------------------------------------------------------------------------------------------- */

/* A step without decay in some weights: they end where they would without any, the others as ever. */
START_TEST(decay_is_left_out_by_name)
{
    clmix_train_options options = train_small_options();
    struct train_run all, none, some;

    options.optimizer = CLMIX_ADAMW;
    options.weight_decay = 0.3f;
    train_open(&all, TRAIN_MODEL("0"), NULL, &options);
    strcpy(options.no_decay, "layers.*,conv.0.*");
    train_open(&some, TRAIN_MODEL("0"), NULL, &options);
    options.no_decay[0] = '\0';
    options.weight_decay = 0.0f;
    train_open(&none, TRAIN_MODEL("0"), NULL, &options);
    train_steps(&all, 1);
    train_steps(&some, 1);
    train_steps(&none, 1);
    same_values(&some, &none, "layers.", true, true);
    same_values(&some, &none, "conv.0", true, true);
    same_values(&some, &none, "conv.1.weight", true, false);
    same_values(&some, &all, "conv.1", true, true);
    same_values(&some, &all, "mlp_head", true, true);
    same_values(&some, &all, "layers.0.0.feedforward.0.weight", true, false);
    strcpy(options.no_decay, "*bais*");
    {
        clmix_trainer *trainer = NULL;

        ck_assert_int_eq(clmix_trainer_create(&trainer, all.network, NULL, &options), CLMIX_ERROR_ARGUMENT);
        ck_assert_msg(strstr(clmix_error(), "'*bais*' of weights without weight decay matches none") != NULL, "%s", clmix_error());
    }
    train_close(&all);
    train_close(&some);
    train_close(&none);
}
END_TEST

/* ---- batch normalisation -------------------------------------------------------------------------------------------------------------- */

enum { ROWS = 6, COLUMNS = 5, VALUES = ROWS * COLUMNS };

struct normed {
    float *y, *dx, *mean, *variance;
};

static struct normed normalize(clmix_mode mode, bool frozen)
{
    float *x = ops_floats(VALUES, 5, -1.0f, 3.0f), *dy = ops_floats(VALUES, 6, -1.0f, 1.0f), *of_mean = ops_floats(COLUMNS, 7, -0.5f, 0.5f),
          *of_variance = ops_floats(COLUMNS, 8, 0.5f, 1.5f);
    clmix_graph *graph = clmix_graph_new();
    clmix_value input = ops_input(graph, "x", ops_shape2(ROWS, COLUMNS)), gradient = ops_input(graph, "dy", ops_shape2(ROWS, COLUMNS)), y;
    struct normed result;
    clmix_plan *plan;

    clmix_want_gradient(input);
    y = clmix_batch_norm(clmix_in(clmix_root(graph), "bn"), input, 1e-5f, 0.1f);
    if (frozen)
        ck_assert_uint_eq(clmix_freeze(graph, "bn.running_*"), 2);
    clmix_output(graph, "y", y);
    clmix_backward(graph, 1, &y, &gradient);
    clmix_output(graph, "dx", clmix_gradient_of(input));
    plan = ops_plan(graph, mode);
    ops_write(plan, "x", x, VALUES);
    ops_write(plan, "dy", dy, VALUES);
    ops_write(plan, "bn.weight", of_variance, COLUMNS);
    ops_write(plan, "bn.running_mean", of_mean, COLUMNS);
    ops_write(plan, "bn.running_var", of_variance, COLUMNS);
    ops_ok(clmix_plan_run(plan));
    result = (struct normed){ ops_read(plan, "y", VALUES), ops_read(plan, "dx", VALUES), ops_read(plan, "bn.running_mean", COLUMNS),
                              ops_read(plan, "bn.running_var", COLUMNS) };
    clmix_plan_free(plan);
    free(x);
    free(dy);
    free(of_mean);
    free(of_variance);
    return result;
}

static void free_normed(struct normed *normed)
{
    free(normed->y);
    free(normed->dx);
    free(normed->mean);
    free(normed->variance);
}

START_TEST(frozen_statistics_are_taken_and_left)
{
    struct normed inference = normalize(CLMIX_INFERENCE, false), frozen = normalize(CLMIX_TRAINING, true),
                  moved = normalize(CLMIX_TRAINING, false);

    ck_assert_mem_eq(frozen.y, inference.y, VALUES * sizeof(float));
    ck_assert_mem_eq(frozen.dx, inference.dx, VALUES * sizeof(float));
    ck_assert_mem_eq(frozen.mean, inference.mean, COLUMNS * sizeof(float));
    ck_assert_mem_eq(frozen.variance, inference.variance, COLUMNS * sizeof(float));
    ck_assert_mem_ne(moved.y, inference.y, VALUES * sizeof(float));
    ck_assert_mem_ne(moved.mean, inference.mean, COLUMNS * sizeof(float));
    free_normed(&inference);
    free_normed(&frozen);
    free_normed(&moved);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("freeze");

    tcase_add_unchecked_fixture(tests, ops_open, ops_close);
    tcase_add_checked_fixture(tests, train_make_folders, train_remove_folders);
    tcase_add_loop_test(tests, frozen_weights_keep_their_bits, CLMIX_ADAMW, CLMIX_SGD + 1);
    tcase_add_test(tests, the_others_move_as_ever);
    tcase_add_test(tests, a_resumed_run_knows_what_is_frozen);
    tcase_add_test(tests, patterns_that_cannot_be_are_refused);
    tcase_add_test(tests, decay_is_left_out_by_name);
    tcase_add_test(tests, frozen_statistics_are_taken_and_left);
    return train_main("freeze", &tests, 1);
}
