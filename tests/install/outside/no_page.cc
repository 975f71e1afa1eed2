// Where there is no live page, a linked guard denies and says what to do. argv[1]: an empty directory.
#include <notaus/guard.hpp>

#include <cstdio>

int main(int, char** argv) {
  notaus::Guard guard = notaus::Guard::open({.state = argv[1], .tenant = "acme", .agent = "mailer"});
  bool sent = false;
  auto denied = guard.call({.tool = "email.send", .effect = notaus::Effect::write}, [&] { sent = true; });
  std::printf("%s; %s\n", denied ? denied->reason.c_str() : "not denied", guard.trouble().c_str());
  return !sent && denied && denied->reason == "killed: fenced:page_missing" && !guard.trouble().empty() ? 0 : 1;
}
