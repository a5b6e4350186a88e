// A product by its name, whose loop mostly does other things than multiply and add.
__kernel __attribute__((reqd_work_group_size(64, 1, 1))) void gemm_simt(__global float *data, const __global float *a, const uint depth)
{
    float sum = 0.0f;
    uint place = get_global_id(0);

    for (uint k = 0; k < depth; k++) {
        place = (place * 747796405u + 2891336453u) ^ (place >> 13);
        sum = fma(a[place & 1023u], a[place >> 22], sum);
    }
    data[get_global_id(0)] = sum;
}
