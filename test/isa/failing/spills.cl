// More values alive at once than an item of a GPU has registers: all are read before the fence and used after it.
#define COUNT 300

__kernel __attribute__((reqd_work_group_size(1024, 1, 1))) void spills(__global float *data, const uint count)
{
    const uint item = get_global_id(0);
    float values[COUNT], sum = 0.0f;

#pragma unroll
    for (uint i = 0; i < COUNT; i++)
        values[i] = data[i * count + item];
    barrier(CLK_GLOBAL_MEM_FENCE);
#pragma unroll
    for (uint i = 0; i < COUNT; i++)
        sum = fma(values[i], values[COUNT - 1 - i], sum) + values[i];
    data[item] = sum;
}
