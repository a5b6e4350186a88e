// A private array that is indexed by data cannot lie in registers.
__kernel __attribute__((reqd_work_group_size(64, 1, 1))) void private_array(__global float *data, const __global uint *index, const uint count)
{
    float values[1000];

    for (uint i = 0; i < 1000; i++)
        values[i] = data[i];
    for (uint i = 0; i < count; i++)
        values[index[i] % 1000] += values[index[i + 1] % 1000];
    data[get_global_id(0)] = values[index[get_global_id(0)] % 1000];
}
