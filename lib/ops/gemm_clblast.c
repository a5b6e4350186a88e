/* The route through CLBlast: its product, then clmix's epilogue where there is one. */
#include "ops/gemm_internal.h"

#include "base/size.h"
#include "base/status.h"
#include "runtime/runtime.h"

#include <clblast_c.h>

struct call {
    size_t rows, columns, depth, batch;
    size_t offset[3], pitch[3], stride[3]; /* of A, B, C */
    bool transpose_a, transpose_b;
    float alpha;
};

bool clmix_gemm_clblast_can(const struct clmix_gemm *gemm)
{
    return !gemm->has_prologue && gemm->segment == 0 &&
           (clmix_at_least_one(gemm->outer_batch) == 1 || clmix_at_least_one(gemm->inner_batch) == 1);
}

static clmix_status run(clmix_device *device, const cl_mem *memory, const size_t *offset, const void *data, cl_event *event)
{
    const struct call *call = data;
    CLBlastTranspose ta = call->transpose_a ? CLBlastTransposeYes : CLBlastTransposeNo,
                     tb = call->transpose_b ? CLBlastTransposeYes : CLBlastTransposeNo;
    size_t a = offset[0] + call->offset[0], b = offset[1] + call->offset[1], c = offset[2] + call->offset[2];
    CLBlastStatusCode code;

    if (call->batch > 1)
        code = CLBlastSgemmStridedBatched(CLBlastLayoutRowMajor, ta, tb, call->rows, call->columns, call->depth, call->alpha, memory[0], a,
                                          call->pitch[0], call->stride[0], memory[1], b, call->pitch[1], call->stride[1], 0.0f, memory[2],
                                          c, call->pitch[2], call->stride[2], call->batch, &device->queue, event);
    else
        code = CLBlastSgemm(CLBlastLayoutRowMajor, ta, tb, call->rows, call->columns, call->depth, call->alpha, memory[0], a,
                            call->pitch[0], memory[1], b, call->pitch[1], 0.0f, memory[2], c, call->pitch[2], &device->queue, event);
    if (code == CLBlastSuccess)
        return CLMIX_OK;
    return clmix_fail(CLMIX_ERROR_DRIVER,
                      "%s: CLBlast's matrix product (%zu x %zu x %zu) failed with code %d; set CLMIX_TUNE=off to do without CLBlast",
                      device->info.name, call->rows, call->columns, call->depth, (int)code);
}

static void describe(struct call *call, int index, const struct clmix_planner *planner, const struct clmix_matrix *matrix, bool outer)
{
    call->offset[index] = matrix->offset;
    call->pitch[index] = matrix->pitch != 0 ? matrix->pitch : clmix_planner_layout(planner, matrix->value).pitch;
    call->stride[index] = outer ? matrix->outer_stride : matrix->inner_stride;
}

void clmix_gemm_plan_clblast(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_gemm *gemm)
{
    bool outer = clmix_at_least_one(gemm->outer_batch) > 1;
    struct call call = {
        .rows = gemm->rows,
        .columns = gemm->columns,
        .depth = gemm->depth,
        .batch = clmix_gemm_batches(gemm),
        .transpose_a = gemm->transpose_a,
        .transpose_b = gemm->transpose_b,
        .alpha = 1.0f,
    };
    struct clmix_gemm rest = *gemm;
    struct clmix_record *record;

    if (gemm->scale_place == CLMIX_SCALE_BIASED && gemm->bias == CLMIX_NONE) {
        call.alpha = gemm->scale;
        rest.scale_place = CLMIX_SCALE_NONE;
    }
    describe(&call, 0, planner, &gemm->a, outer);
    describe(&call, 1, planner, &gemm->b, outer);
    describe(&call, 2, planner, &gemm->c, outer);
    record = clmix_record_library(planner, node, "CLBlastSgemm", run, &call, sizeof call);
    clmix_record_value(record, gemm->a.value);
    clmix_record_value(record, gemm->b.value);
    clmix_record_value(record, gemm->c.value);
    if (clmix_gemm_has_epilogue(&rest))
        clmix_gemm_plan_reduce(planner, node, &rest, &gemm->c, 1, 0);
}
