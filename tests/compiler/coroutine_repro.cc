// Why this house builds with clang: g++ 12.2 destroys a closure built inside a co_await expression twice.
//
// The closure holds an object that counts its lives. Built, moved and destroyed in order, none is left and none is owed: live == 0.
// g++ 12 copies the closure's bits into the coroutine's frame and destroys both: live == -1, and with a std::function a double free.
// Exit code: 0 right, 1 destroyed twice. C++20, no libraries.
#include <coroutine>
#include <cstdio>
#include <utility>

namespace {

int live = 0;

struct Counted {
  Counted() { ++live; }
  Counted(const Counted&) { ++live; }
  Counted(Counted&&) noexcept { ++live; }
  Counted& operator=(const Counted&) = default;
  Counted& operator=(Counted&&) = default;
  ~Counted() { --live; }
};

struct Task {
  struct promise_type {
    Task get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() {}
  };
  std::coroutine_handle<promise_type> handle;
  ~Task() { handle.destroy(); }
};

template <class Fn>
struct Await {
  Fn fn;
  bool await_ready() { return true; }
  void await_suspend(std::coroutine_handle<>) {}
  void await_resume() { fn(); }
};

template <class Fn>
Await<Fn> f(Fn fn) {
  return {std::move(fn)};
}

struct Request {
  Counted object;
  int number;
};

struct AwaitRequest {
  Request request;
  bool await_ready() { return true; }
  void await_suspend(std::coroutine_handle<>) {}
  void await_resume() {}
};

AwaitRequest g(Request request) { return {std::move(request)}; }

Task closure() {
  Counted object;
  co_await f([object] { (void)object; });
}

Task aggregate() {
  Counted object;
  co_await g(Request{object, 1});
}

}  // namespace

int main() {
  {
    Task done = closure();
  }
  int after_closure = std::exchange(live, 0);
  {
    Task done = aggregate();
  }
  std::printf("live after a closure: %d, after an aggregate: %d\n", after_closure, live);
  return after_closure == 0 && live == 0 ? 0 : 1;
}
