// gate/server_line.h: reads from one line of the server what we need to know, in bytes as they come and in bounded memory.
//
// Tolerant where strict_json is strict: what a server says reaches its client in any case, so whatever of it can be understood is
// used. It follows strings and nesting, nothing else, and keeps the few short values below.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace notaus::gate {

struct ServerLine {
  enum class Form : std::uint8_t { blank, noise, batch, object };

  Form form = Form::blank;
  bool has_method = false, has_result = false, has_error = false;
  std::string id = {};      // as written; empty: none
  std::string method = {};  // this and the rest: unescaped, empty if missing or longer than any such value
  std::string result_type = {}, task = {}, status = {};
  std::string cancels = {};  // params.requestId as written
  std::string progress = {};  // params.progressToken as written
  std::string subscription = {};  // params._meta's, as written: the id of the request that opened the stream

  [[nodiscard]] bool is_request() const { return has_method && !id.empty(); }
  [[nodiscard]] bool ends_task() const { return status == "completed" || status == "failed" || status == "cancelled"; }
  [[nodiscard]] bool is_response() const { return !has_method && !id.empty() && (has_result || has_error); }
};

class LineScan {
 public:
  void take(std::string_view bytes);  // without the newline
  ServerLine finish();                // of all that was taken; then a new line begins

  // So far; what is true stays true until finish().
  [[nodiscard]] bool noise() const { return facts_.form == ServerLine::Form::noise; }
  [[nodiscard]] bool answers() const { return facts_.has_result || facts_.has_error; }

 private:
  static constexpr std::size_t kLevels = 3;  // result.task.taskId is the deepest name we read

  void in_string(char c);
  void outside(char c);
  void opening(char c);
  void begin(char c);
  void close();
  void key_ended();
  void value_begins();
  void start_string();
  void keep(std::string_view bytes);
  [[nodiscard]] bool in_object() const { return depth_ >= 1 && depth_ <= kLevels && is_object_[depth_]; }
  std::string* wanted();

  ServerLine facts_;
  std::array<std::string, kLevels + 1> key_ = {};  // of the value we are in, by depth
  std::array<bool, kLevels + 1> is_object_ = {};
  std::size_t depth_ = 0;
  bool in_string_ = false, escaped_ = false, key_next_ = false, reading_key_ = false, array_first_ = false;
  std::string* into_ = nullptr;  // where the bytes of the present key or value are kept
};

}  // namespace notaus::gate
