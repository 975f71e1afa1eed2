#include "gate/events.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "gate/relay.h"

namespace notaus::gate {
namespace {

struct Event {
  std::string bytes, id;
  bool operator==(const Event&) const = default;
};

// The events of a stream that comes in pieces of `size` bytes, with the id of the message that each carries.
std::vector<Event> events_of(std::string_view stream, std::size_t size, bool* endpoint = nullptr) {
  Relay relay(1 << 20, Relay::Form::events);
  std::vector<Event> seen;
  for (; !stream.empty(); stream.remove_prefix(std::min(size, stream.size()))) {
    std::string_view rest = stream.substr(0, size);
    while (!rest.empty()) {
      if (relay.take(rest) != Relay::State::ended) continue;
      seen.push_back({std::exchange(relay.bytes, {}), ""});
      seen.back().id = relay.finish().id;
    }
  }
  if (endpoint != nullptr) *endpoint = relay.events().names_endpoint();
  return seen;
}

TEST(Events, EndWhereEveryReaderSaysSoInAnyPieces) {
  const std::string one = R"({"jsonrpc":"2.0","id":1,"result":{}})";
  struct Row {
    std::string stream;
    std::vector<Event> events;
  } rows[] = {
      {"data: " + one + "\n\n", {{"data: " + one + "\n\n", "1"}}},
      {"data:" + one + "\n\nid: 7\ndata: " + one + "\n\n", {{"data:" + one + "\n\n", "1"}, {"id: 7\ndata: " + one + "\n\n", "1"}}},
      {"data: " + one + "\r\n\r\n", {{"data: " + one + "\r\n\r\n", "1"}}},
      {"data: " + one + "\r\r:", {{"data: " + one + "\r\r", "1"}}},
      {"event: message\ndata: {\"jsonrpc\":\"2.0\",\ndata: \"id\":5,\"result\":{}}\n\n",
       {{"event: message\ndata: {\"jsonrpc\":\"2.0\",\ndata: \"id\":5,\"result\":{}}\n\n", "5"}}},
      {"data: {\"id\":\"a\ndata\ndata: b\"}\n\n", {{"data: {\"id\":\"a\ndata\ndata: b\"}\n\n", "\"a\n\nb\""}}},
      {": a comment {\"id\":3}\n\n", {{": a comment {\"id\":3}\n\n", ""}}},
      {"id: 1\nretry: 5\ndata:\n\n", {{"id: 1\nretry: 5\ndata:\n\n", ""}}},
      {"\xEF\xBB\xBF"
       "data: " +
           one + "\n\n",
       {{"\xEF\xBB\xBF"
         "data: " +
             one + "\n\n",
         "1"}}},
      {"datum: {\"id\":3}\ndata : {\"id\":3}\nDATA: {\"id\":3}\n\n",
       {{"datum: {\"id\":3}\ndata : {\"id\":3}\nDATA: {\"id\":3}\n\n", ""}}},
      {"data: {\"id\":9,\"result\":1}", {}},
      {"\xEF\xBB\n\xEF\n:", {}},  // half a BOM is the beginning of a line
  };
  for (const Row& row : rows)
    for (std::size_t size : {1, 2, 3, 1000}) EXPECT_EQ(events_of(row.stream, size), row.events) << row.stream << " by " << size;
}

TEST(Events, AnOldServerSaysItsEndpoint) {
  bool endpoint = false;
  events_of("event: endpoint\ndata: /messages\n\n", 1, &endpoint);
  EXPECT_TRUE(endpoint);
  events_of("event: message\ndata: endpoint\n\n", 1, &endpoint);
  EXPECT_FALSE(endpoint);
}

TEST(Events, AWholeMessageMayHaveSeveralLines) {
  Relay relay(1 << 20, Relay::Form::whole);
  std::string_view text = "{\n  \"jsonrpc\": \"2.0\",\n  \"id\": 4,\n  \"result\": {}\n}\n";
  EXPECT_EQ(relay.take(text), Relay::State::holding);
  EXPECT_EQ(relay.finish().id, "4");
}

}  // namespace
}  // namespace notaus::gate
