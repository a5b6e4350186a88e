/* A stranger's program: every public header, the library's version, and a plan that needs no device. */
#include <clmix/clmix.h>
#include <stdio.h>

int main(void)
{
    clmix_device *device = NULL;
    clmix_graph *graph = clmix_graph_new();
    clmix_plan *plan = NULL;
    clmix_value image = clmix_input(graph, "image", CLMIX_F32, 4, (size_t[]){ 2, 8, 8, 3 });
    int failed;

    clmix_output(graph, "bands", clmix_haar_bands(image, 2));
    failed = CLMIX_CHECK_VERSION() || clmix_device_generic(&device) || clmix_plan_compile(&plan, graph, device, CLMIX_INFERENCE);
    if (failed)
        fprintf(stderr, "%s\n", clmix_error());
    else
        printf("ok\n");
    clmix_plan_free(plan);
    clmix_graph_free(graph);
    clmix_device_close(device);
    return failed;
}
