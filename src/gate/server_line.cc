#include "gate/server_line.h"

#include <algorithm>
#include <utility>

#include "gate/strict_json.h"

namespace notaus::gate {
namespace {

using Form = ServerLine::Form;

constexpr std::size_t kMaxValue = 1024;  // of a value we keep, as written

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }  // over HTTP a message may have several lines

std::string plain(const std::string& json) { return json.size() > kMaxValue ? "" : unescape(json).value_or(""); }

}  // namespace

void LineScan::take(std::string_view bytes) {
  while (!bytes.empty()) {
    if (noise()) return;
    if (in_string_ && !escaped_) {
      const std::size_t plain = plain_part(bytes);
      keep(bytes.substr(0, plain));
      bytes.remove_prefix(plain);
      if (bytes.empty()) return;
    }
    if (in_string_) {
      in_string(bytes.front());
    } else {
      outside(bytes.front());
    }
    bytes.remove_prefix(1);
  }
}

ServerLine LineScan::finish() {
  ServerLine line = std::move(facts_);
  line.method = plain(line.method);
  line.result_type = plain(line.result_type);
  line.task = plain(line.task);
  line.status = plain(line.status);
  *this = LineScan();
  return line;
}

void LineScan::in_string(char c) {
  keep({&c, 1});
  if (escaped_) {
    escaped_ = false;
  } else if (c == '\\') {
    escaped_ = true;
  } else if (c == '"') {
    in_string_ = false;
    if (reading_key_) key_ended();
  }
}

void LineScan::outside(char c) {
  if (is_space(c)) return;
  if (depth_ == 0 || array_first_) return opening(c);
  switch (c) {
    case '"': return start_string();
    case '{':
    case '[': return begin(c);
    case '}':
    case ']': return close();
    case ':': return value_begins();
    case ',':
      into_ = nullptr;
      key_next_ = in_object();
      return;
    default: keep({&c, 1});
  }
}

// The first characters tell a message from a log line: "[INFO] listening" is none, "[{" was a batch once.
void LineScan::opening(char c) {
  if (facts_.form == Form::object) return;  // behind the end of the object
  if (array_first_) {
    facts_.form = c == '{' ? Form::batch : Form::noise;
    array_first_ = false;
  } else if (c == '[' && facts_.form == Form::blank) {
    array_first_ = true;
  } else if (c == '{' && facts_.form == Form::blank) {
    facts_.form = Form::object;
    begin(c);
  } else if (facts_.form == Form::blank && static_cast<unsigned char>(c) < 0x80) {  // above: perhaps a BOM, some clients skip it
    facts_.form = Form::noise;
  }
}

void LineScan::begin(char c) {
  into_ = nullptr;
  ++depth_;
  key_next_ = c == '{';
  if (depth_ > kLevels) return;
  is_object_[depth_] = c == '{';
  key_[depth_].clear();
}

void LineScan::close() {
  into_ = nullptr;
  key_next_ = false;
  --depth_;
}

void LineScan::start_string() {
  in_string_ = true;
  reading_key_ = key_next_ && in_object();
  if (reading_key_) {
    into_ = &key_[depth_];
    into_->clear();
  }
  keep("\"");
}

void LineScan::key_ended() {
  reading_key_ = key_next_ = false;
  into_ = nullptr;
  key_[depth_] = fold(plain(key_[depth_]));  // a client may bind keys without regard to case
}

void LineScan::value_begins() {
  into_ = wanted();
  if (into_ != nullptr) into_->clear();
}

void LineScan::keep(std::string_view bytes) {
  if (into_ != nullptr && into_->size() <= kMaxValue) *into_ += bytes.substr(0, kMaxValue + 1 - into_->size());
}

std::string* LineScan::wanted() {
  if (!in_object()) return nullptr;
  const std::string& key = key_[depth_];
  const std::string& outer = key_[1];
  if (depth_ == 1) {
    facts_.has_method |= key == "method";
    facts_.has_result |= key == "result";
    facts_.has_error |= key == "error";
    return key == "id" ? &facts_.id : key == "method" ? &facts_.method : nullptr;
  }
  if (outer != "result" && outer != "params") return nullptr;
  if (depth_ == 3 && key_[2] == "_meta") return key == "io.modelcontextprotocol/subscriptionid" ? &facts_.subscription : nullptr;
  if (depth_ == 3 && key_[2] != "task") return nullptr;
  if (key == "requestid") return depth_ == 2 ? &facts_.cancels : nullptr;
  if (key == "progresstoken") return depth_ == 2 ? &facts_.progress : nullptr;
  if (key == "resulttype") return depth_ == 2 ? &facts_.result_type : nullptr;
  return key == "taskid" ? &facts_.task : key == "status" ? &facts_.status : nullptr;
}

}  // namespace notaus::gate
