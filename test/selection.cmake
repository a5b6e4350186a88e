# Which test programs (regular expressions) also run where running is slow. CLMIX_TEST_EFFORT=small in the environment of these runs tells a program
# to keep to its smallest sizes.

set(rusticl_programs "^(unit_device|ops_)")             # rusticl on llvmpipe: 30 to 250 times slower than PoCL
set(oclgrind_programs "^ops_")                          # Oclgrind with race detection: some 2000 times slower
set(uninitialized_programs "^ops_")                     # Oclgrind that follows uninitialised values, ten times slower again
set(all_programs "^(unit_device|tool_info)")            # every driver of the machine side by side in one process
set(sanitize_programs "^(unit_|ops_|model_|train_|tool_)")
