#include "net/message.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>

#include "base/ascii.h"

namespace notaus::net {
namespace {

namespace http = boost::beast::http;
using ErrorCode = boost::beast::error_code;
using View = boost::beast::string_view;

constexpr std::size_t kMostFields = 128;
constexpr std::size_t kLeastChunk =
    5;  // of "0\r\n\r\n". Beast asserts that, having seen a last chunk without its end, it gets no less again

std::string_view std_view(View view) { return {view.data(), view.size()}; }

// What Beast would let pass. It is asked field by field, so the first that is wrong is the one that is named.
template <bool kRequest>
class Sink : public http::basic_parser<kRequest> {
 public:
  explicit Sink(Head& head) : head_(head) {
    this->header_limit(kMostHead);
    this->body_limit(boost::none);
    auto fields = std::move(head.fields);  // keeps its memory from one message to the next
    fields.clear();
    head = Head();
    head.fields = std::move(fields);
  }

  std::string* payload = nullptr;
  std::string_view why;  // we refused it ourselves

  [[nodiscard]] bool between_chunks() const { return this->chunked() && left_of_chunk_ == 0; }

 private:
  void refuse(std::string_view what, ErrorCode& error) {
    why = what;
    error = http::error::bad_field;
  }

  void on_request_impl(http::verb, View method, View target, int version, ErrorCode&) override {
    head_.method = std_view(method);
    head_.target = std_view(target);
    head_.minor = version % 10;
  }

  void on_response_impl(int status, View, int version, ErrorCode&) override {
    head_.status = static_cast<unsigned>(status);
    head_.minor = version % 10;
  }

  void on_field_impl(http::field known, View name, View value, ErrorCode& error) override {
    if (in_body_) {
      if (kRequest) refuse("a trailer behind the body", error);
      return;
    }
    if (head_.fields.size() == kMostFields) return refuse("more than 128 header fields", error);
    head_.fields.push_back({std_view(name), std_view(value), {}});
    if (known == http::field::content_length && (++lengths_ > 1 || std_view(value).find(',') != std::string_view::npos))
      return refuse("Content-Length more than once", error);
    if (known != http::field::transfer_encoding) return;
    if (++codings_ > 1) return refuse("Transfer-Encoding more than once", error);
    if (!same_name(std_view(value), "chunked")) return refuse("a Transfer-Encoding other than chunked", error);
    if (head_.minor == 0) return refuse("Transfer-Encoding in HTTP/1.0", error);
  }

  void on_header_impl(ErrorCode&) override { in_body_ = true; }
  void on_body_init_impl(const boost::optional<std::uint64_t>&, ErrorCode&) override {}

  std::size_t on_body_impl(View body, ErrorCode&) override {
    if (payload != nullptr) payload->append(body.data(), body.size());
    return body.size();
  }

  void on_chunk_header_impl(std::uint64_t size, View extensions, ErrorCode& error) override {
    left_of_chunk_ = size;
    if (kRequest && !extensions.empty()) refuse("a chunk extension", error);
  }

  std::size_t on_chunk_body_impl(std::uint64_t, View body, ErrorCode& error) override {
    left_of_chunk_ -= body.size();
    return on_body_impl(body, error);
  }
  void on_finish_impl(ErrorCode&) override {}

  Head& head_;
  std::uint64_t left_of_chunk_ = 0;
  int lengths_ = 0, codings_ = 0;
  bool in_body_ = false;
};

Refusal refusal(const ErrorCode& error, std::string_view ours) {
  if (!ours.empty()) return {400, ours};
  if (error == http::error::header_limit) return {431, "the head is longer than 16 KiB"};
  if (error == http::error::bad_version) return {505, "an HTTP version other than 1.0 and 1.1"};
  if (error == http::error::bad_method) return {400, "the method is no token"};
  if (error == http::error::bad_target) return {400, "the target of the request"};
  if (error == http::error::bad_content_length || error == http::error::multiple_content_length)
    return {400, "Content-Length: no single number, or beside Transfer-Encoding"};
  if (error == http::error::bad_transfer_encoding) return {400, "Transfer-Encoding: twice, or beside Content-Length"};
  if (error == http::error::bad_chunk || error == http::error::bad_chunk_extension) return {400, "the framing of a chunk"};
  if (error == http::error::partial_message) return {400, "it ends in the middle"};
  if (error == http::error::bad_line_ending) return {400, "a line end that is no CRLF"};
  return {400, "a header field: its name, its value or its line end"};
}

// Beast unfolds what RFC 9112 5.2 lets a server refuse.
bool folded(std::string_view head) {
  for (auto at = head.find('\n'); at + 1 < head.size(); at = head.find('\n', at + 1))
    if (head[at + 1] == ' ' || head[at + 1] == '\t') return true;
  return false;
}

// From here to the next field's name; the last line ends before the blank one.
void keep_lines(Head& head, std::string_view bytes) {
  std::size_t end = bytes.size() - 2;
  for (std::size_t i = head.fields.size(); i-- > 0;) {
    Field& field = head.fields[i];
    const auto begin = static_cast<std::size_t>(&field.name.front() - &bytes.front());
    field.line = bytes.substr(begin, end - begin);
    end = begin;
  }
  head.start_line = bytes.substr(0, end);
}

template <class Sink>
void frame(const Sink& sink, Head& head) {
  if (sink.is_done())
    head.framing = Framing::none;
  else if (sink.chunked())
    head.framing = Framing::chunked;
  else
    head.framing = sink.need_eof() ? Framing::until_close : Framing::length;
  if (head.framing == Framing::length) head.length = sink.content_length().value_or(0);
  head.keep_alive = sink.keep_alive();
}

template <class Sink>
Judged<std::size_t> put(Sink& sink, std::string_view bytes) {
  ErrorCode error;
  std::size_t taken = sink.put(boost::asio::buffer(bytes.data(), bytes.size()), error);
  if (error == http::error::need_more) error = {};
  if (error) return std::unexpected(refusal(error, sink.why));
  return taken;
}

}  // namespace

bool same_but_for_case(std::string_view a, std::string_view b) { return std::ranges::equal(a, b, {}, lower, lower); }

const Field* Head::find(std::string_view name) const {
  auto found = std::ranges::find_if(fields, [&](const Field& field) { return same_name(field.name, name); });
  return found == fields.end() ? nullptr : &*found;
}

std::size_t Head::count(std::string_view name) const {
  return static_cast<std::size_t>(std::ranges::count_if(fields, [&](const Field& field) { return same_name(field.name, name); }));
}

bool has_token(const Head& head, std::string_view name, std::string_view token) {
  for (const Field& field : head.fields) {
    if (!same_name(field.name, name)) continue;
    for (std::string_view rest = field.value; !rest.empty();) {
      auto comma = std::min(rest.find(','), rest.size());
      std::string_view one = rest.substr(0, comma);
      while (!one.empty() && (one.front() == ' ' || one.front() == '\t')) one.remove_prefix(1);
      while (!one.empty() && (one.back() == ' ' || one.back() == '\t')) one.remove_suffix(1);
      if (same_name(one, token)) return true;
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
  }
  return false;
}

struct Parser::Sinks {
  Head head;
  std::optional<Sink<true>> request;
  std::optional<Sink<false>> response;
  std::size_t seen = 0;  // of the head

  template <class Use>
  auto with(Use use) {
    return request ? use(*request) : use(*response);
  }
};

Parser::Parser(Side side) : side_(side), sinks_(std::make_unique<Sinks>()) { begin(); }
Parser::~Parser() = default;
Parser::Parser(Parser&&) noexcept = default;
Parser& Parser::operator=(Parser&&) noexcept = default;

void Parser::begin(Body body) {
  if (side_ == Side::request)
    sinks_->request.emplace(sinks_->head);
  else
    sinks_->response.emplace(sinks_->head);
  if (body == Body::none) sinks_->response->skip(true);
  sinks_->seen = 0;
}

Judged<std::size_t> Parser::take_head(std::string_view bytes) {
  return sinks_->with([&](auto& sink) -> Judged<std::size_t> {
    auto taken = put(sink, bytes.substr(sinks_->seen));  // of a head that comes in parts it takes whole lines
    if (taken) sinks_->seen += *taken;
    if (!taken || !sink.is_header_done()) return taken ? Judged<std::size_t>(0) : taken;
    std::string_view head = bytes.substr(0, sinks_->seen);
    if (folded(head)) return std::unexpected(Refusal{400, "a header field over several lines"});
    keep_lines(sinks_->head, head);
    frame(sink, sinks_->head);
    return sinks_->seen;
  });
}

Judged<std::size_t> Parser::take_body(std::string_view bytes, std::string* payload) {
  return sinks_->with([&](auto& sink) -> Judged<std::size_t> {
    sink.payload = payload;
    std::size_t all = 0;
    while (all < bytes.size() && !sink.is_done()) {
      if (sink.between_chunks() && bytes.size() - all < kLeastChunk) break;
      auto taken = put(sink, bytes.substr(all));
      if (!taken) return taken;
      if (*taken == 0) break;
      all += *taken;
    }
    return all;
  });
}

Judged<> Parser::take_end() {
  return sinks_->with([](auto& sink) -> Judged<> {
    ErrorCode error;
    sink.put_eof(error);
    if (error) return std::unexpected(refusal(error, sink.why));
    return {};
  });
}

const Head& Parser::head() const { return sinks_->head; }

bool Parser::done() const {
  return sinks_->with([](auto& sink) { return sink.is_done(); });
}

}  // namespace notaus::net
