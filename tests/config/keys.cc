// Prints every key notaus.yaml may hold, for schema_test.py.
#include <cstdio>

#include "config/config.h"

int main() {
  for (const std::string& key : notaus::config::known_keys()) std::puts(key.c_str());
}
