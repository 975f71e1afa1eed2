// What each fuzzer here has: one function that libFuzzer calls with bytes, and that replay.cc calls with the files of a corpus.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace notaus {

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) { return {reinterpret_cast<const char*>(data), size}; }

// Ends the run, and libFuzzer then keeps the input.
inline void hold(bool true_for_any_input, std::string_view what, const std::string& seen = "") {
  if (true_for_any_input) return;
  std::fprintf(stderr, "does not hold: %.*s: %s\n", static_cast<int>(what.size()), what.data(), seen.c_str());
  std::abort();
}

// In which pieces an input comes: it says so itself, since the fuzzer has no other way to.
inline std::size_t step_of(std::string_view bytes) {
  return 1 + (bytes.empty() ? 0 : static_cast<unsigned char>(bytes.back()) % 13);
}

}  // namespace notaus
