#!/bin/sh
# From a fresh checkout to a trained network:  sh tools/quickstart.sh
# Installs what is missing (Debian, Ubuntu), builds clmix in build/, and trains a small WaveMix on the built-in pictures.
set -eu

cd "$(dirname "$0")/.."
sh tools/setup.sh user

cmake -S . -B build
cmake --build build --parallel "$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)"

result=build/quickstart
rm -rf "$result"
echo
build/bin/clmix-train --model wavemix-16 --data shapes --epochs 3 --out "$result"

# The best line of the log, the one whose weights were kept.
best=$(sed -n 's/.*"test_top1": *\([0-9.eE+-]*\).*/\1/p' "$result/log.jsonl" | sort -g | tail -n 1)
echo
if [ -n "$best" ]; then
    awk -v accuracy="$best" 'BEGIN { printf "Test accuracy: %.1f %% of pictures the network has not seen.\n", accuracy <= 1 ? 100 * accuracy : accuracy }'
fi
cat <<END
The network is in $result/model.safetensors, the learning curves are in $result/curves.svg. Next:

  build/bin/clmix-info                                     the devices of this machine
  build/bin/clmix-summary wavemix-16 --batch 64            the network's layers, cost and memory
  build/bin/clmix-predict $result/model.safetensors --data shapes --split test
                                                           its accuracy again, from the file
  build/bin/clmix-train --model wavemix-32 --data cifar10:DIR --out run
                                                           CIFAR-10, from the unpacked binary version
END
