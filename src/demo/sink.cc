#include "demo/sink.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace notaus::demo {
namespace {

Result<Fd> listen_somewhere() {
  Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (!fd || bind(fd.get(), reinterpret_cast<sockaddr*>(&at), sizeof at) != 0 || listen(fd.get(), 64) != 0)
    return std::unexpected(os_trouble("a mail server on 127.0.0.1", errno));
  return fd;
}

int port_of(const Fd& fd) {
  sockaddr_in at{};
  socklen_t size = sizeof at;
  getsockname(fd.get(), reinterpret_cast<sockaddr*>(&at), &size);
  return ntohs(at.sin_port);
}

// Replies are shorter than any socket's buffer.
bool reply(const Fd& peer, const std::string& text) {
  return text.empty() || send(peer.get(), text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
}

}  // namespace

Result<std::unique_ptr<Sink>> Sink::open() {
  auto listener = listen_somewhere();
  if (!listener) return std::unexpected(listener.error());
  return std::unique_ptr<Sink>(new Sink(std::move(*listener)));
}

Sink::Sink(Fd listener)
    : listener_(std::move(listener)),
      port_(port_of(listener_)),
      news_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      thread_([this](const std::stop_token& over) { serve(over); }) {}

Sink::~Sink() {
  thread_.request_stop();
  eventfd_write(wake_.get(), 1);
}

std::vector<SunkMail> Sink::mails() const {
  std::lock_guard lock(mutex_);
  return mails_;
}

void Sink::hold_next(const std::string& from) {
  std::lock_guard lock(mutex_);
  to_hold_ = from;
}

bool Sink::holds() const {
  std::lock_guard lock(mutex_);
  return held_.has_value();
}

void Sink::release() {
  std::lock_guard lock(mutex_);
  to_hold_.clear();
  released_ = true;
  eventfd_write(wake_.get(), 1);
}

void Sink::serve(const std::stop_token& over) {
  while (!over.stop_requested()) {
    std::vector<pollfd> fds = {{listener_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
    for (const Peer& peer : peers_) fds.push_back({peer.fd.get(), POLLIN, 0});
    if (poll(fds.data(), fds.size(), -1) < 0) continue;
    std::size_t at = 2;
    for (auto peer = peers_.begin(); peer != peers_.end();) {
      auto next = std::next(peer);
      if (fds[at++].revents != 0 && !hear(*peer)) drop(peer);
      peer = next;
    }
    if (fds[0].revents != 0) greet();
    eventfd_t count;
    if (fds[1].revents != 0 && eventfd_read(wake_.get(), &count) == 0) let_go();
  }
}

void Sink::greet() {
  Fd fd(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!fd) return;
  Peer& peer = peers_.emplace_back(Peer{.fd = std::move(fd)});
  reply(peer.fd, SmtpSession::kGreeting);
}

// One that gives up while it is held was never answered and does not count.
void Sink::drop(std::list<Peer>::iterator peer) {
  std::lock_guard lock(mutex_);
  if (held_ && held_->peer == &*peer) held_.reset();
  peers_.erase(peer);
}

bool Sink::hear(Peer& peer) {
  char chunk[8 << 10];
  ssize_t n = read(peer.fd.get(), chunk, sizeof chunk);
  if (n < 0 && errno == EINTR) return true;
  if (n <= 0) return false;
  peer.heard.append(chunk, static_cast<std::size_t>(n));
  for (std::size_t end; (end = peer.heard.find("\r\n")) != std::string::npos;) {
    SmtpSession::Step step = peer.session.hear(peer.heard.substr(0, end));
    peer.heard.erase(0, end + 2);
    if (step.mail) step.reply = keep_or_hold(peer, std::move(*step.mail));
    if (!reply(peer.fd, step.reply) || step.bye) return false;
  }
  return true;
}

std::string Sink::keep_or_hold(Peer& peer, Mail mail) {
  std::lock_guard lock(mutex_);
  if (!to_hold_.empty() && mail.from == to_hold_) {
    held_ = {&peer, std::move(mail)};
    to_hold_.clear();
    eventfd_write(news_.get(), 1);
    return {};
  }
  keep(mail);
  return SmtpSession::kTaken;
}

void Sink::keep(const Mail& mail) {
  for (const std::string& to : mail.to) mails_.push_back({boot_now(), mail.from, to, mail.text});
  eventfd_write(news_.get(), 1);
}

void Sink::let_go() {
  std::lock_guard lock(mutex_);
  if (!std::exchange(released_, false) || !held_) return;
  keep(held_->mail);
  reply(held_->peer->fd, SmtpSession::kTaken);
  held_.reset();
}

}  // namespace notaus::demo
