// Prints what the gate makes of the requests in the given files, for another parser to compare (opinions.mjs): for each that is accepted a line
// of JSON, with what came and what would go on in hex.
#include <cstdio>
#include <fstream>
#include <iterator>
#include <vector>

#include <fmt/format.h>

#include "base/json.h"
#include "request.h"

namespace {

std::string hex(std::string_view bytes) {
  std::string out;
  for (char c : bytes) out += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return out;
}

}  // namespace

int main(int count, char** words) {
  for (const std::string& path : std::vector<std::string>(words + 1, words + count)) {
    std::ifstream in(path, std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(in)), {});
    const auto reading = notaus::read_request(bytes, bytes.size());
    if (!reading) continue;
    fmt::print("{{\"file\":{},\"method\":{},\"target\":{},\"body\":{},\"came\":\"{}\",\"whole\":\"{}\",\"pieces\":\"{}\"}}\n",
               notaus::json_string(path), notaus::json_string(reading->head.method), notaus::json_string(reading->head.target),
               reading->body.size(), hex(std::string_view(bytes).substr(0, reading->length)), hex(reading->whole),
               hex(reading->pieces));
  }
}
