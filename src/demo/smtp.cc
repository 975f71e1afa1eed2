#include "demo/smtp.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <sstream>
#include <utility>

#include "base/fd.h"

namespace notaus::demo {
namespace {

Result<Fd> dial(int port) {
  Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(static_cast<std::uint16_t>(port));
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (!fd || connect(fd.get(), reinterpret_cast<sockaddr*>(&at), sizeof at) != 0)
    return std::unexpected(os_trouble("127.0.0.1:" + std::to_string(port), errno));
  return fd;
}

// Waits for a whole reply; it must be of the class of `code`.
Result<> expect(int fd, char code) {
  std::string reply;
  while (!reply.ends_with('\n')) {
    char chunk[512];
    ssize_t n = read(fd, chunk, sizeof chunk);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return trouble(Kind::retry, "the mail server hung up");
    reply.append(chunk, static_cast<std::size_t>(n));
  }
  if (reply.front() != code) return trouble(Kind::refused, "the mail server says: " + reply);
  return {};
}

Result<> exchange(int fd, const std::string& say, char code) {
  if (auto said = write_all(fd, say); !said) return said;
  return expect(fd, code);
}

std::string stuffed(const std::string& text) {
  std::string out, line;
  for (std::istringstream lines(text); std::getline(lines, line);) out += (line.starts_with('.') ? "." : "") + line + "\r\n";
  return out + ".\r\n";
}

std::string upper(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c); });
  return text;
}

// "MAIL FROM:<a@b> SIZE=9" -> "a@b"
std::string address(const std::string& line) {
  std::size_t open = line.find('<'), close = line.find('>');
  return open == std::string::npos || close == std::string::npos || close < open ? "" : line.substr(open + 1, close - open - 1);
}

}  // namespace

Result<> send_mail(int port, const Mail& mail) {
  auto fd = dial(port);
  if (!fd) return std::unexpected(fd.error());
  std::vector<std::pair<std::string, char>> talk = {
      {"", '2'}, {"EHLO localhost\r\n", '2'}, {"MAIL FROM:<" + mail.from + ">\r\n", '2'}};
  for (const std::string& to : mail.to) talk.emplace_back("RCPT TO:<" + to + ">\r\n", '2');
  talk.insert(talk.end(), {{"DATA\r\n", '3'}, {stuffed(mail.text), '2'}});
  for (const auto& [say, code] : talk)
    if (auto done = exchange(fd->get(), say, code); !done) return done;
  (void)exchange(fd->get(), "QUIT\r\n", '2');  // the mail is delivered, whatever becomes of the farewell
  return {};
}

SmtpSession::Step SmtpSession::hear(const std::string& line) {
  if (!in_data_) return command(line);
  if (line == ".") {
    in_data_ = false;
    return {.mail = std::exchange(mail_, {})};
  }
  mail_.text += (line.starts_with('.') ? line.substr(1) : line) + "\n";
  return {};
}

SmtpSession::Step SmtpSession::command(const std::string& line) {
  const std::string verb = upper(line.substr(0, 4));
  if (verb == "EHLO" || verb == "HELO" || verb == "RSET") {
    mail_ = {};
    return {.reply = "250 notaus-demo\r\n"};
  }
  if (verb == "NOOP") return {.reply = "250 so be it\r\n"};
  if (verb == "QUIT") return {.reply = "221 bye\r\n", .bye = true};
  if (verb == "MAIL") {
    mail_ = {.from = address(line), .to = {}, .text = {}};
    return {.reply = "250 sender noted\r\n"};
  }
  if (verb == "RCPT") {
    if (mail_.from.empty()) return {.reply = "503 MAIL first\r\n"};
    mail_.to.push_back(address(line));
    return {.reply = "250 recipient noted\r\n"};
  }
  if (verb != "DATA") return {.reply = "502 not spoken here\r\n"};
  if (mail_.to.empty()) return {.reply = "503 RCPT first\r\n"};
  in_data_ = true;
  return {.reply = "354 end with a dot\r\n"};
}

}  // namespace notaus::demo
