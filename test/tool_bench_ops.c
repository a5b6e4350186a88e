/* clmix-bench ops measures every op, or says which it does not and why. */
#include <check.h>
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/ops.h"
#include "runtime/internal.h"
#include "support_bench.h"
#include "support_ops.h"
#include "support_suite.h"

static const struct bench_op *find(const struct bench_op_list *list, const char *name, const char *pass)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->ops[i].name, name) == 0 && strcmp(list->ops[i].pass, pass) == 0)
            return &list->ops[i];
    ck_abort_msg("no %s of the %s pass", name, pass);
    return NULL;
}

/* A concatenation of many, whose gradient is parted into as many. */
START_TEST(ops_of_many_inputs_and_outputs_are_listed)
{
    enum { FEW = 6, MANY = 20 };
    clmix_graph *graph = clmix_graph_new();
    struct bench_op_list list = { 0 };
    clmix_value few[FEW], many[MANY], y, dy;
    clmix_plan *plan;
    char name[16];
    float out[10];

    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "x%d", i);
        many[i] = ops_input(graph, name, ops_shape2(5, 2));
    }
    for (int i = 0; i < FEW; i++) {
        few[i] = many[i];
        clmix_want_gradient(few[i]);
    }
    y = clmix_concat(few, FEW, 1);
    dy = ops_input(graph, "dy", clmix_shape_of(y));
    clmix_output(graph, "many", clmix_concat(many + FEW, MANY - FEW, 1));
    clmix_backward(graph, 1, &y, &dy);
    ops_ok(bench_op_list_add(&list, graph));
    clmix_graph_free(graph);

    ops_ok(clmix_plan_compile(&plan, find(&list, "split", "gradient")->graph, ops_device, CLMIX_TRAINING));
    ops_ok(clmix_plan_run(plan));
    snprintf(name, sizeof name, "out%d", FEW - 1);
    ops_ok(clmix_plan_read(plan, name, out, sizeof out));
    clmix_plan_free(plan);
    ck_assert_uint_eq(list.count, 3); /* the two concatenations, and what parts the gradient */
    bench_op_list_free(&list);
}
END_TEST

/* What runs prints, to be freed. */
static char *printed(struct bench_sink *sink, const struct bench_request *request, struct bench_device *on)
{
    enum { MOST = 1 << 16 };
    FILE *file = tmpfile();
    const int terminal = dup(STDOUT_FILENO);
    char *text = calloc(MOST, 1);

    ck_assert(file != NULL && terminal >= 0 && text != NULL);
    fflush(stdout);
    ck_assert_int_ge(dup2(fileno(file), STDOUT_FILENO), 0);
    ck_assert_int_eq(bench_ops(sink, request, on), 0);
    fflush(stdout);
    ck_assert_int_ge(dup2(terminal, STDOUT_FILENO), 0);
    close(terminal);
    rewind(file);
    ck_assert_uint_gt(fread(text, 1, MOST - 1, file), 0);
    fclose(file);
    return text;
}

START_TEST(what_does_not_fit_is_said_with_the_reason)
{
    static const char reason[] = "it needs more than half of the device's memory";
    static const struct cli cli = { .device = NULL };
    const struct bench_request request = { .batch = 2, .quick = true, .mode = "train", .filter = "layer norm" };
    struct bench_device on = { 0 };
    struct bench_sink sink = { &cli, cJSON_CreateArray() };
    const cJSON *result;
    char *text;

    ops_ok(bench_open(&on, NULL));
    on.device->info.global_bytes = 1 << 20;
    text = printed(&sink, &request, &on);
    ck_assert_int_eq(cJSON_GetArraySize(sink.kept), 2);
    cJSON_ArrayForEach(result, sink.kept)
    {
        ck_assert_str_eq(json_text(result, "skipped"), reason);
    }
    ck_assert_msg(strstr(text, reason) != NULL, "%s", text);
    free(text);
    cJSON_Delete(sink.kept);
    clmix_device_close(on.device);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("clmix-bench's ops");
    TCase *tests = tcase_create("ops");

    tcase_set_timeout(tests, 600);
    tcase_add_unchecked_fixture(tests, ops_open, ops_close);
    tcase_add_test(tests, ops_of_many_inputs_and_outputs_are_listed);
    tcase_add_test(tests, what_does_not_fit_is_said_with_the_reason);
    suite_add_tcase(suite, tests);
    return support_run(suite);
}
