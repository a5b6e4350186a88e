/* Compiling a plan from outside: the form of kernels is settled before the first one. */
#include "base/status.h"
#include "graph/op.h"
#include "ops/form.h"
#include "runtime/runtime.h"

clmix_status clmix_plan_compile(clmix_plan **plan, const clmix_graph *graph, clmix_device *device, clmix_mode mode)
{
    CLMIX_NEED(plan);
    CLMIX_NEED(device);

    *plan = NULL;
    CLMIX_TRY(clmix_graph_check(graph));
    if (device->real)
        CLMIX_TRY(clmix_form_settle(device));
    return clmix_plan_make(plan, graph, device, mode);
}
