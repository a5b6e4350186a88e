// 40 KiB of local memory: more than every device has, though the compilers of most take it.
__kernel __attribute__((reqd_work_group_size(256, 1, 1))) void local_memory(__global float *data, const __global uint *index)
{
    __local float tile[10240];
    const uint item = get_local_id(0);

    for (uint i = item; i < 10240; i += 256)
        tile[i] = data[i];
    barrier(CLK_LOCAL_MEM_FENCE);
    data[get_global_id(0)] = tile[index[get_global_id(0)] % 10240];
}
