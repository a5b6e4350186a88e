"""Made cases/ops/mlp_mix.safetensors: token mixing of MLP-Mixer written down once more, y = W2 gelu(W1 x + b1) + b2 along the tokens, and its
gradients, in float64.  python mlp_mix.py FILE"""
import json
import math
import random
import struct
import sys

BATCH, TOKENS, CHANNELS, EXPANSION = 2, 7, 5, 3
HIDDEN = EXPANSION * TOKENS
draw = random.Random(1)


def matrix(rows, columns, scale):
    return [[struct.unpack("f", struct.pack("f", draw.uniform(-scale, scale)))[0] for _ in range(columns)] for _ in range(rows)]


def product(a, b):
    return [[math.fsum(p * q for p, q in zip(row, column)) for column in zip(*b)] for row in a]


def transposed(a):
    return [list(column) for column in zip(*a)]


def total(matrices):
    return [[math.fsum(values) for values in zip(*rows)] for rows in zip(*matrices)]


def gelu(v):
    return v / 2 * (1 + math.erf(v / math.sqrt(2)))


def gelu_slope(v):
    return (1 + math.erf(v / math.sqrt(2))) / 2 + v * math.exp(-v * v / 2) / math.sqrt(2 * math.pi)


w1, w2 = matrix(HIDDEN, TOKENS, 1.0), matrix(TOKENS, HIDDEN, 0.6)
b1, b2 = matrix(1, HIDDEN, 0.5)[0], matrix(1, TOKENS, 0.5)[0]
x = [matrix(TOKENS, CHANNELS, 1.5) for _ in range(BATCH)]
gy = [matrix(TOKENS, CHANNELS, 1.0) for _ in range(BATCH)]

hidden = [[[v + bias for v in row] for row, bias in zip(product(w1, sample), b1)] for sample in x]
active = [[[gelu(v) for v in row] for row in sample] for sample in hidden]
y = [[[v + bias for v in row] for row, bias in zip(product(w2, sample), b2)] for sample in active]
ghidden = [[[g * gelu_slope(v) for g, v in zip(grow, row)] for grow, row in zip(product(transposed(w2), g), h)] for g, h in zip(gy, hidden)]

tensors = {
    "in.x": ([BATCH, TOKENS, CHANNELS], x),
    "param.0.weight": ([HIDDEN, TOKENS, 1], w1),
    "param.0.bias": ([HIDDEN], b1),
    "param.3.weight": ([TOKENS, HIDDEN, 1], w2),
    "param.3.bias": ([TOKENS], b2),
    "out.y": ([BATCH, TOKENS, CHANNELS], y),
    "gout.y": ([BATCH, TOKENS, CHANNELS], gy),
    "gin.x": ([BATCH, TOKENS, CHANNELS], [product(transposed(w1), g) for g in ghidden]),
    "grad.0.weight": ([HIDDEN, TOKENS, 1], total([product(g, transposed(sample)) for g, sample in zip(ghidden, x)])),
    "grad.0.bias": ([HIDDEN], [math.fsum(row) for row in total(ghidden)]),
    "grad.3.weight": ([TOKENS, HIDDEN, 1], total([product(g, transposed(sample)) for g, sample in zip(gy, active)])),
    "grad.3.bias": ([TOKENS], [math.fsum(row) for row in total(gy)]),
}


def flat(values):
    return [v for inner in values for v in flat(inner)] if isinstance(values, list) else [values]


header, data = {"__metadata__": {
    "format": "clmix-case-1", "kind": "op", "config": json.dumps({"op": "mlp_mix", "expansion": EXPANSION}),
    "source": "the equations of MLP-Mixer's token mixing in float64 (mlp_mix.py)"}}, b""
for name, (shape, values) in tensors.items():
    packed = struct.pack(f"<{len(flat(values))}f", *flat(values))
    header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(packed)]}
    data += packed
text = json.dumps(header).encode()
text += b" " * (-len(text) % 8)
with open(sys.argv[1], "wb") as file:
    file.write(struct.pack("<Q", len(text)) + text + data)
