#!/bin/sh
# Configures and builds a tree with AddressSanitizer and UndefinedBehaviorSanitizer:  sh sanitize.sh CMAKE SOURCE BUILD COMPILER
set -eu

cmake=$1 source=$2 build=$3 compiler=$4

"$cmake" -S "$source" -B "$build" -DCMAKE_C_COMPILER="$compiler" -DCMAKE_BUILD_TYPE=Debug "-DCMAKE_C_FLAGS_DEBUG=-g -O1" \
    -DCLMIX_SANITIZE=address,undefined -DCLMIX_TESTS=ON -DCLMIX_BENCH=OFF
"$cmake" --build "$build" --parallel "$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)"
