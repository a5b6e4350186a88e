// Does not compile.
__kernel void broken(__global float *data)
{
    data[0] = nothing;
}
