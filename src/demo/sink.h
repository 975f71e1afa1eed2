// demo/sink.h: the demo's mail server, on a free port of 127.0.0.1. It delivers to nobody and remembers what it took and when:
// what it counts has left the agent for good, whatever anybody else reports.
//
// Threads: one of its own serves; every public member may be called from any other.
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/fd.h"
#include "demo/smtp.h"

namespace notaus::demo {

struct SunkMail {
  BootTime at;  // when it was taken, before the sender was told
  std::string from, to, text;
};

class Sink {
 public:
  static Result<std::unique_ptr<Sink>> open();
  ~Sink();

  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] int news() const { return news_.get(); }  // an eventfd, readable after a change; read it to wait for the next
  [[nodiscard]] std::vector<SunkMail> mails() const;

  // The next mail of that sender is received whole and neither taken nor answered until release(): a call in flight, on demand.
  void hold_next(const std::string& from);
  [[nodiscard]] bool holds() const;
  void release();

 private:
  struct Peer {
    Fd fd;
    SmtpSession session = {};
    std::string heard = {};
  };
  struct Held {
    Peer* peer;
    Mail mail;
  };

  explicit Sink(Fd listener);
  void serve(const std::stop_token& over);
  void greet();
  bool hear(Peer& peer);
  void drop(std::list<Peer>::iterator peer);
  std::string keep_or_hold(Peer& peer, Mail mail);
  void keep(const Mail& mail);
  void let_go();

  Fd listener_;
  int port_;
  Fd news_, wake_;
  std::list<Peer> peers_;  // the thread's own

  mutable std::mutex mutex_;
  std::vector<SunkMail> mails_;
  std::string to_hold_;
  std::optional<Held> held_;
  bool released_ = false;
  std::jthread thread_;  // last: it uses all the others
};

}  // namespace notaus::demo
