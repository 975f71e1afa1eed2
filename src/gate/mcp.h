// gate/mcp.h: what one line from an MCP client is, and what the guard is asked before it may pass.
//
// Pure: no I/O, no state. Both eras of the protocol (up to 2025-11-25, and 2026-07-28) at once: the era belongs to the message.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include <notaus/call.hpp>

namespace notaus::gate {

enum class Shape : std::uint8_t { request, notification, response };

enum class Asks : std::uint8_t {
  nothing,  // keeps the session alive or reduces risk: always passes
  tool,     // tools/call
  read,     // asks the server for something: stop_all alone stops it
  news,     // opens a stream of news: as a read, but no work that could end
  task,     // tasks/update: lets a waiting tool go on
  write,    // a method nobody here knows
};

enum class Era : std::uint8_t { legacy, modern };

struct Message {
  Shape shape = Shape::request;
  Asks asks = Asks::nothing;
  Era era = Era::legacy;
  bool wants_task = false;  // tools/call that asks for a task handle (legacy; modern servers give one unasked)
  std::string id = {};      // as the client wrote it; empty: a notification
  std::string id_key = {};  // the same for every spelling of one id
  std::string method = {};
  std::string tool = {};       // of tools/call
  std::string subject = {};    // what Mcp-Name repeats: the name, uri or taskId of params
  std::string task = {};       // of tasks/*
  std::string version = {};    // params._meta's; empty: of the old era
  std::string cancels = {};    // of notifications/cancelled: the id_key of the request it gives up
  std::string_view args = {}, meta = {};  // params.arguments and params._meta as written; live as long as the line
};

// Not passed on, not repaired, not asked about: an answer with this code if the sender waits for one.
struct Rejection {
  int code;
  std::string why;          // "duplicate key \"name\""
  std::string id = "null";  // the request's, if it could be read
};

constexpr int kParseError = -32700;
constexpr int kInvalidRequest = -32600;

std::expected<Message, Rejection> classify(std::string_view line);

// What the guard is asked for it, but for its arguments. `tool` names the tool when the message itself does not.
[[nodiscard]] Call call_of(const Message& message, std::string_view tool);

}  // namespace notaus::gate
